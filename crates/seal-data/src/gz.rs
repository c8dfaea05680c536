//! Gzip files as a stream of bytes.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

/// The content of all members of a file, one after the other: `cat a.gz b.gz`.
/// Zero bytes behind a member are padding, as tapes and block devices leave it.
pub(crate) struct Members<R>(Member<R>);

enum Member<R> {
    Inside(GzDecoder<BufReader<R>>),
    /// Before the next member.
    Between(BufReader<R>),
    End,
}

impl<R: Read> Members<R> {
    pub fn new(source: R) -> Self {
        Self(Member::Inside(GzDecoder::new(BufReader::new(source))))
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            self.0 = match &mut self.0 {
                Member::End => return Ok(0),
                Member::Inside(decoder) => {
                    let n = decoder.read(out)?;
                    if n > 0 {
                        return Ok(n);
                    }
                    match std::mem::replace(&mut self.0, Member::End) {
                        Member::Inside(decoder) => Member::Between(decoder.into_inner()),
                        other => other,
                    }
                }
                Member::Between(source) => {
                    let ahead = source.fill_buf()?;
                    let padding = ahead.iter().position(|byte| *byte != 0);
                    let (n, at_end) = (padding.unwrap_or(ahead.len()), ahead.is_empty());
                    source.consume(n);
                    match (at_end, padding) {
                        (true, _) => Member::End,
                        (false, None) => continue,
                        (false, Some(_)) => match std::mem::replace(&mut self.0, Member::End) {
                            Member::Between(source) => Member::Inside(GzDecoder::new(source)),
                            other => other,
                        },
                    }
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        Members::new(bytes).read_to_end(&mut out).ok().map(|_| out)
    }

    #[test]
    fn members_are_read_one_after_the_other_and_padding_is_passed_over() {
        let (a, b, zeros) = (gzip(b"a"), gzip(b"b"), vec![0; 20_000]);
        assert_eq!(read(&[&a[..], &b].concat()).unwrap(), b"ab");
        assert_eq!(read(&[&a[..], &zeros].concat()).unwrap(), b"a");
        assert_eq!(read(&[&a[..], &zeros, &b, &[0]].concat()).unwrap(), b"ab");
        assert_eq!(read(&gzip(b"")).unwrap(), b"");
        for bad in
            [&[&a[..], b"x"].concat(), &[&a[..], &b[..b.len() - 1]].concat(), &zeros, &vec![]]
        {
            assert!(read(bad).is_none());
        }
        let mut flipped = a.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert!(read(&flipped).is_none());
    }
}
