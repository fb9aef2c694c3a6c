//! The wire protocol between runner and worker: generated messages and their conversions to the
//! model's types. What a peer sent is converted with an error, never with a panic.

pub mod convert;
pub mod link;

/// The messages of `proto/session.proto`.
pub mod v1 {
    #![expect(missing_docs, reason = "generated; the .proto file has the comments")]
    include!(concat!(env!("OUT_DIR"), "/gantry.v1.rs"));
}

/// The messages of `proto/slot.proto`.
pub mod slot {
    /// The version of the frames that this build speaks.
    pub const SLOT_VERSION: u32 = 1;

    /// Version 1.
    pub mod v1 {
        #![expect(missing_docs, reason = "generated; the .proto file has the comments")]
        include!(concat!(env!("OUT_DIR"), "/gantry.slot.v1.rs"));
    }
}

pub use convert::{ConvertError, Lease, Source};

/// The version of the session protocol that this build speaks.
pub const PROTOCOL_VERSION: u32 = 1;
