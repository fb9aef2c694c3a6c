//! Executes jobs: sessions, slot processes, workspaces, executors.
