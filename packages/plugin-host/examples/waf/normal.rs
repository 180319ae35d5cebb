//! One plain form for what can be written in many: percent-encoding undone twice, letters small, comments of SQL and runs of space as one space.

/// Writes the plain form of `raw` into `plain`, which is at least as long.
pub fn normalise<'a>(raw: &[u8], plain: &'a mut [u8]) -> &'a [u8] {
    let length = raw.len().min(plain.len());
    plain[..length].copy_from_slice(&raw[..length]);
    // Twice: an application behind a careless proxy sees what was encoded twice.
    let once = decode(plain, length);
    let twice = decode(plain, once);
    let end = squeeze(plain, twice);
    &plain[..end]
}

/// In place: what is decoded is never longer.
fn decode(text: &mut [u8], length: usize) -> usize {
    let mut to = 0;
    let mut from = 0;
    while from < length {
        let (byte, next) = match text[from] {
            b'%' if from + 2 < length => match (hex(text[from + 1]), hex(text[from + 2])) {
                (Some(high), Some(low)) => (high << 4 | low, from + 3),
                _ => (b'%', from + 1),
            },
            b'+' => (b' ', from + 1),
            byte => (byte, from + 1),
        };
        text[to] = byte;
        to += 1;
        from = next;
    }
    to
}

fn squeeze(text: &mut [u8], length: usize) -> usize {
    let mut to = 0;
    let mut from = 0;
    while from < length {
        let byte = text[from];
        let is_comment = byte == b'/' && from + 1 < length && text[from + 1] == b'*';
        if is_comment {
            from += 2;
            while from < length && !(text[from] == b'*' && from + 1 < length && text[from + 1] == b'/') {
                from += 1;
            }
            from = (from + 2).min(length);
        } else {
            from += 1;
        }
        if is_comment || byte <= b' ' {
            if to > 0 && text[to - 1] != b' ' {
                text[to] = b' ';
                to += 1;
            }
        } else {
            text[to] = byte.to_ascii_lowercase();
            to += 1;
        }
    }
    to
}

fn hex(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}
