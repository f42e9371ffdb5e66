//! Passes an object's bytes from the network to a reader on another thread.

use std::io::{self, Read};

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::RateLimiter;
use super::error::{AwsError, Failure};
use super::retry::{Retrier, pause};
use super::s3::{ObjectBody, ObjectsClient, S3Object};
use crate::limits;

/// The sending end of an object's bytes.
#[derive(Debug)]
pub struct ObjectSink {
    chunks: mpsc::Sender<Result<Vec<u8>, AwsError>>,
}

/// The reading end of an object's bytes.
///
/// It ends only after all bytes have come: an abandoned download is an error. Reading blocks, and
/// is not for asynchronous code.
#[derive(Debug)]
pub struct ObjectReader {
    chunks: mpsc::Receiver<Result<Vec<u8>, AwsError>>,
    chunk: io::Cursor<Vec<u8>>,
    bytes_left: u64,
}

/// Creates the two ends of a stream of an object's bytes, which holds at most
/// [`limits::S3_CHUNKS_AHEAD`] chunks of [`limits::S3_CHUNK_BYTES`].
pub fn object_stream(object: &S3Object) -> (ObjectSink, ObjectReader) {
    let (sender, chunks) = mpsc::channel(limits::S3_CHUNKS_AHEAD);
    let chunk = io::Cursor::default();
    (ObjectSink { chunks: sender }, ObjectReader { chunks, chunk, bytes_left: object.bytes })
}

impl ObjectSink {
    /// Sends bytes in chunks. False if nobody reads any more.
    async fn send(&self, bytes: &[u8]) -> bool {
        for chunk in bytes.chunks(limits::S3_CHUNK_BYTES) {
            if self.chunks.send(Ok(chunk.to_vec())).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Sends the reader the error that ends the stream.
    pub async fn fail(self, error: AwsError) {
        // The reader may be gone already.
        let _unread = self.chunks.send(Err(error)).await;
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.chunk.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                self.bytes_left = self.bytes_left.saturating_sub(count as u64);
                return Ok(count);
            }
            match self.chunks.blocking_recv() {
                Some(Ok(chunk)) => self.chunk = io::Cursor::new(chunk),
                Some(Err(error)) => return Err(io::Error::other(error)),
                None if self.bytes_left == 0 => return Ok(0),
                None => return Err(io::Error::other("the download was abandoned")),
            }
        }
    }
}

/// Fetches an object into a sink, from its first byte to its last. A stream that breaks off is
/// resumed where it broke, as long as attempts bring bytes; memory stays within the sink's bound.
/// Ends early without an error if nobody reads any more.
pub async fn download(
    client: &ObjectsClient,
    limiter: &RateLimiter,
    bucket: &str,
    object: &S3Object,
    sink: &ObjectSink,
) -> Result<(), Failure> {
    let retrier = Retrier::new(limiter);
    let mut from_byte = 0;
    let mut failed = 0;
    while from_byte < object.bytes {
        let first_byte = from_byte;
        let mut body = retrier.call(async || client.get(bucket, object, first_byte).await).await?;
        let Err(failure) = pass_on(&mut body, object, &mut from_byte, sink).await else {
            return Ok(());
        };
        // Progress resets the count, so that a large object survives many broken connections.
        failed = if from_byte > first_byte { 1 } else { failed + 1 };
        if failed >= limits::AWS_ATTEMPTS_MAX || !matches!(failure, Failure::Transient(_)) {
            return Err(failure);
        }
        sleep(pause(failed)).await;
    }
    Ok(())
}

/// Passes a body on to its end, and advances `from_byte`.
async fn pass_on(
    body: &mut ObjectBody,
    object: &S3Object,
    from_byte: &mut u64,
    sink: &ObjectSink,
) -> Result<(), Failure> {
    loop {
        match body.next().await {
            Ok(Some(bytes)) => {
                let end = *from_byte + bytes.len() as u64;
                if end > object.bytes {
                    return Err(
                        body.nonsense("the object is longer than its listing says".to_owned())
                    );
                }
                if !sink.send(&bytes).await {
                    return Ok(());
                }
                *from_byte = end;
            }
            Ok(None) if *from_byte == object.bytes => return Ok(()),
            Ok(None) => return Err(body.broken("the response broke off".to_owned())),
            // All bytes came, so the failure is a wrong checksum.
            Err(failure) if *from_byte == object.bytes => {
                return Err(body.nonsense(failure.into_error().to_string()));
            }
            Err(failure) => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aws::Session;
    use crate::aws::object_server::{Fault, ObjectServer};

    /// Fetches the only object of a server, and reads it on another thread.
    fn fetched(server: &ObjectServer) -> (Result<(), Failure>, io::Result<Vec<u8>>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = ObjectsClient::new(&Session::for_tests(&server.url()));
            let (objects, _) = client.objects("bucket", "", None).await.unwrap();
            let [object] = objects.as_slice() else { panic!("{objects:?}") };
            let (sink, mut reader) = object_stream(object);
            let reading = std::thread::spawn(move || {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).map(|_| bytes)
            });
            let limiter = RateLimiter::for_objects();
            let downloaded = download(&client, &limiter, "bucket", object, &sink).await;
            match downloaded.clone() {
                Ok(()) => drop(sink),
                Err(failure) => sink.fail(failure.into_error()).await,
            }
            (downloaded, reading.join().unwrap())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn a_body_that_breaks_off_anywhere_is_gone_on_with(
            length in 1usize..400_000,
            cuts in proptest::collection::vec(0usize..150_000, 0..4),
        ) {
            let server = ObjectServer::new();
            let bytes: Vec<u8> = (0..length).map(|it| ((it * 7919) >> 5).to_le_bytes()[0]).collect();
            server.put("a", &bytes);
            cuts.iter().for_each(|it| server.fail("a", Fault::Cut(*it)));
            let (downloaded, read) = fetched(&server);
            prop_assert_eq!(downloaded, Ok(()));
            prop_assert!(read.unwrap() == bytes);
        }
    }

    #[test]
    fn only_what_is_missing_is_asked_for_again() {
        let server = ObjectServer::new();
        server.put("a", &[b'x'; 300_000]);
        server.fail("a", Fault::Cut(100_000));
        server.fail("a", Fault::Refuse(503, "SlowDown", "Please reduce your request rate.", ""));
        let (downloaded, read) = fetched(&server);
        assert_eq!((downloaded, read.unwrap().len()), (Ok(()), 300_000));
        let requests = server.requests();
        assert_eq!(requests, ["list", "get a 0", "get a 100000", "get a 100000"]);
    }

    #[test]
    fn an_object_that_changes_is_not_pieced_together() {
        let server = ObjectServer::new();
        server.put("a", b"first content");
        server.fail("a", Fault::Cut(5));
        server.fail("a", Fault::Refuse(412, "PreconditionFailed", "It changed", ""));
        let (downloaded, read) = fetched(&server);
        assert!(matches!(downloaded, Err(Failure::Permanent(AwsError::ObjectChanged { .. }))));
        assert!(read.unwrap_err().to_string().contains("the object changed after it was listed"));
    }

    #[test]
    fn a_reader_never_takes_a_part_for_the_whole() {
        let object = S3Object { bytes: 10, ..S3Object::default() };
        let (sink, mut reader) = object_stream(&object);
        sink.chunks.try_send(Ok(vec![b'x'; 9])).unwrap();
        drop(sink);
        let mut bytes = Vec::new();
        assert!(reader.read_to_end(&mut bytes).is_err());
        assert_eq!(bytes.len(), 9);
        assert!(reader.read_to_end(&mut bytes).is_err());
    }
}
