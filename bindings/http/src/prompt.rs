//! Connections that say nothing: they end when their time is over.
//!
//! Which version of HTTP a connection speaks is read from its first bytes, before any clock of HTTP runs.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How a connection of HTTP/2 begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes have to come in time: as many as tell which version of HTTP it speaks.
pub(crate) struct Prompt<S> {
    stream: S,
    /// Until when; `None` once it is known.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Bytes of the preface that came.
    seen: usize,
}

impl<S> Prompt<S> {
    pub(crate) fn new(stream: S, time: Duration) -> Self {
        Prompt { stream, deadline: Some(Box::pin(tokio::time::sleep(time))), seen: 0 }
    }

    /// Looks at bytes that came: the first that is not the preface's, or its last, tells the version.
    fn look(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let is_next = PREFACE.get(self.seen) == Some(byte);
            self.seen += 1;
            if !is_next || self.seen == PREFACE.len() {
                self.deadline = None;
                return;
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() && self.deadline.is_some() {
            let came = buf.filled().get(before..).unwrap_or_default();
            self.look(came);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
