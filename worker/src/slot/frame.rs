//! Frames: the length of a message in four bytes, little endian, and then the message.

use prost::Message;
use std::io;
use thiserror::Error;

/// The largest message in bytes. A job's scripts are bounded by the size of a pipeline file, 4 MiB;
/// more than four times that is a broken peer, not a job.
const MESSAGE_LIMIT: usize = 16 << 20;

/// The bytes before each message.
const HEADER: usize = 4;

/// Why no message could be read.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The other side, or the system, ended it.
    #[error("can't read from the other side")]
    Io(#[from] io::Error),
    /// Too large, or no message of this kind.
    #[error("the other side sent {0}")]
    Malformed(String),
}

/// Appends a message as a frame.
pub(crate) fn encode(message: &impl Message, out: &mut Vec<u8>) {
    append(&message.encode_to_vec(), out);
}

/// Appends a message that is encoded already as a frame.
pub(crate) fn append(message: &[u8], out: &mut Vec<u8>) {
    // A longer one is refused by its reader, whose limit is far below 4 GiB.
    let header = u32::try_from(message.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&header.to_le_bytes());
    out.extend_from_slice(message);
}

/// Puts messages together from what arrives in pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// Takes what arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
        } else {
            self.buffer.drain(..self.start);
        }
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, where there is one.
    ///
    /// # Errors
    /// Where the frame is too large or holds something else.
    pub fn next<M: Message + Default>(&mut self) -> Result<Option<M>, FrameError> {
        let pending = &self.buffer[self.start..];
        let Some((header, rest)) = pending.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*header) as usize;
        if length > MESSAGE_LIMIT {
            return Err(FrameError::Malformed(format!("a frame of {length} bytes")));
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let message = M::decode(body).map_err(|error| FrameError::Malformed(error.to_string()))?;
        self.start += HEADER + length;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::{Decoder, FrameError, encode};
    use protocol::v1::{Drain, Stop};

    fn stop(reason: &str) -> Stop {
        Stop {
            reason: reason.to_owned(),
            ..Stop::default()
        }
    }

    #[test]
    fn messages_arrive_however_they_are_cut() {
        let mut bytes = Vec::new();
        for reason in ["", "a", "b b"] {
            encode(&stop(reason), &mut bytes);
        }
        for size in 1..=bytes.len() {
            let mut decoder = Decoder::default();
            let mut reasons = Vec::new();
            for piece in bytes.chunks(size) {
                decoder.push(piece);
                while let Some(stop) = decoder.next::<Stop>().unwrap() {
                    reasons.push(stop.reason);
                }
            }
            assert_eq!(reasons, ["", "a", "b b"], "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let mut decoder = Decoder::default();
        decoder.push(&u32::MAX.to_le_bytes());
        assert!(matches!(
            decoder.next::<Drain>(),
            Err(FrameError::Malformed(_))
        ));
        let mut decoder = Decoder::default();
        decoder.push(&[2, 0, 0, 0, 0xff, 0xff]);
        assert!(matches!(
            decoder.next::<Drain>(),
            Err(FrameError::Malformed(_))
        ));
    }
}
