//! A connection to a bucket, request by request.

use std::io::{BufRead as _, BufReader};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::fault::{End, Fault};
use super::wire::{Answer, Asked};
use super::{Objects, Op, Seen, protocol};

/// Serves requests until the connection ends.
pub(super) fn serve(mut stream: TcpStream, objects: &Objects) {
    let Ok(other) = stream.try_clone() else { return };
    let mut reader = BufReader::new(other);
    let _ = stream.set_nodelay(true);
    while let Some(asked) = Asked::read_head(&mut reader) {
        let Some(op) = protocol::op(&asked) else {
            // A test of something that this does not know would be one of nothing.
            objects.state().violations.push(format!("{} {} is not understood", asked.method, asked.key));
            let _ = Answer::error(501, "NotImplemented", "This is not scripted").write(&mut stream, usize::MAX);
            return;
        };
        if one(&mut stream, &mut reader, (asked, op), objects).is_none() {
            return;
        }
    }
}

/// Serves one request; none where the connection is over with it.
fn one(
    stream: &mut TcpStream,
    reader: &mut BufReader<TcpStream>,
    (mut asked, op): (Asked, Op),
    objects: &Objects,
) -> Option<()> {
    // Which objects are to be removed in one go stands in the body.
    let mut fault = (op != Op::Delete).then(|| objects.fault(op, &protocol::keys(&asked, op)));
    if !fault.as_ref().is_some_and(|fault| fault.is_early) {
        asked.read_body(reader)?;
    }
    let keys = protocol::keys(&asked, op);
    let fault = fault.take().unwrap_or_else(|| objects.fault(op, &keys));
    let at = objects.arrived(Seen::new(op, objects.behind_prefix(&keys), &asked));
    if let Some(meanwhile) = &fault.meanwhile {
        meanwhile();
    }
    if let Some(gate) = &fault.gate {
        gate.pass();
    }
    let answer = fault.is_done().then(|| objects.answer(&asked, op, at));
    respond(stream, reader, (&asked, at), (answer, &fault), objects)
}

fn respond(
    stream: &mut TcpStream,
    reader: &mut BufReader<TcpStream>,
    (asked, at): (&Asked, usize),
    (answer, fault): (Option<Answer>, &Fault),
    objects: &Objects,
) -> Option<()> {
    let send = |stream: &mut TcpStream, answer: Answer, length: usize| {
        let answer = answer.to(asked);
        objects.answered(at, answer.status);
        answer.write(stream, length).ok()
    };
    match (&fault.end, answer) {
        (End::Well, Some(answer)) => send(stream, answer, usize::MAX),
        (End::Flipped, Some(answer)) => send(stream, protocol::flipped(answer), usize::MAX),
        (End::Cut(length), Some(answer)) => {
            send(stream, answer, *length)?;
            close(stream)
        }
        (End::Error(status, code), _) => {
            send(stream, Answer::error(*status, code, "This was scripted by a test."), usize::MAX)
        }
        (End::Close, _) => close(stream),
        (End::Stall, _) => {
            let _ = reader.read_line(&mut String::new());
            None
        }
        (End::Reset, _) | (_, None) => reset(stream),
    }
}

/// In order, and all that was sent arrives.
fn close(stream: &TcpStream) -> Option<()> {
    let _ = stream.shutdown(Shutdown::Both);
    None
}

/// Closing without lingering makes it a reset.
fn reset(stream: &TcpStream) -> Option<()> {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    None
}
