//! A connection to a server, as thin as can be.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::Item;

/// A persistent connection to a server that says how long each body is.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Where in the buffer the bytes are that came with the last head.
    rest: (usize, usize),
}

impl Connection {
    pub(crate) fn open(authority: &str) -> Self {
        let stream = TcpStream::connect(authority).expect("the server can be reached");
        stream.set_nodelay(true).unwrap();
        Self { stream, rest: (0, 0) }
    }

    /// Asks for an item, reads the head of the reply, and says how long its body is.
    pub(crate) fn request(&mut self, item: &Item, token: &str, buffer: &mut [u8]) -> u64 {
        let Item { authority, path, .. } = item;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {token}\r\n\r\n");
        self.stream.write_all(head.as_bytes()).expect("the server takes a request");
        let mut filled = 0;
        let end = loop {
            let more = self.stream.read(&mut buffer[filled..]).expect("the server replies");
            assert!(more > 0, "the server closed the connection before {path}");
            filled += more;
            if let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
        };
        self.rest = (end + 4, filled);
        let head = std::str::from_utf8(&buffer[..end]).expect("a head is text");
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        length.expect("the server says a length").parse().expect("a length is a number")
    }

    /// Reads the body of the reply, all of it, to the last byte.
    pub(crate) fn body(&mut self, size: u64, buffer: &mut [u8], mut take: impl FnMut(&[u8])) {
        let (start, end) = std::mem::take(&mut self.rest);
        take(&buffer[start..end]);
        let mut left = size.checked_sub((end - start) as u64).expect("nothing comes after a body");
        while left > 0 {
            let most = left.min(buffer.len() as u64) as usize;
            let more = self.stream.read(&mut buffer[..most]).expect("the server sends on");
            assert!(more > 0, "a body ended {left} bytes early");
            take(&buffer[..more]);
            left -= more as u64;
        }
    }
}
