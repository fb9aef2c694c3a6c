//! Generates the message types from `proto/`; no `protoc` is needed.

use std::io::{Error, Result};

fn main() -> Result<()> {
    const FILES: [&str; 2] = ["proto/session.proto", "proto/slot.proto"];
    for file in FILES {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(FILES, ["proto"]).map_err(Error::other)?;
    prost_build::Config::new()
        .btree_map(["."])
        // The other messages are small; they must not take the room of this one in every channel.
        .boxed(".gantry.v1.ToWorker.body.assign")
        .boxed(".gantry.slot.v1.ToSlot.body.start")
        // It carries secrets; `convert/message.rs` shows it without them.
        .skip_debug([".gantry.v1.Assign"])
        .compile_fds(descriptors)
}
