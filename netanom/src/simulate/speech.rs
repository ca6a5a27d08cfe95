//! What programs say to each other: payloads of HTTP, FTP, mail, DNS and NTP that a packet viewer reads, and of TLS and SSH that
//! it recognises by their first bytes. What those encrypt or negotiate is noise, which a viewer calls malformed.

use std::net::IpAddr;

use super::packet::Payload;

/// An HTTP request of about `length` bytes; the cookie fills it up.
pub(super) fn http_request(path: &str, length: u32) -> Payload {
    let mut text = format!(
        "GET {path} HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101\r\n\
         Accept: */*\r\nCookie: id="
    );
    let left = (length as usize).saturating_sub(text.len() + 4);
    text.extend(std::iter::repeat_n('c', left));
    text.push_str("\r\n\r\n");
    Payload::bytes(text.into_bytes())
}

/// An HTTP response with a body of `length` bytes.
pub(super) fn http_response(status: &str, length: u32) -> Payload {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n");
    Payload {
        head: head.into_bytes().into(),
        noise: length,
    }
}

/// A line of FTP, SMTP or POP3.
pub(super) fn line(text: &str) -> Payload {
    Payload::bytes(format!("{text}\r\n").into_bytes())
}

/// A TLS handshake message (RFC 8446 4) of `length` bytes with its record header.
pub(super) fn tls_handshake(kind: u8, length: u32) -> Payload {
    let body = length.max(9) - 5;
    let (record, message) = (body.to_be_bytes(), (body - 4).to_be_bytes());
    let head = [
        0x16, 3, 1, record[2], record[3], kind, message[1], message[2], message[3],
    ];
    Payload::headed(head, length)
}

/// TLS records that carry `length` bytes of ciphertext. The first record's header is there; later ones look like
/// noise, as they begin anywhere in a segment.
pub(super) fn tls_data(length: u32) -> Payload {
    // RFC 8446 5.2: a record holds at most 2¹⁴ + 256 bytes.
    let record = (length.min(16_640) as u16).to_be_bytes();
    Payload {
        head: [0x17, 3, 3, record[0], record[1]].into(),
        noise: length,
    }
}

/// A binary SSH packet (RFC 4253 6) of `length` bytes; encrypted ones look the same but for their length field.
pub(super) fn ssh_packet(length: u32) -> Payload {
    Payload::headed((length.max(16) - 4).to_be_bytes(), length.max(16))
}

/// An SSH identification (RFC 4253 4.2).
pub(super) fn ssh_banner(software: &str) -> Payload {
    Payload::bytes(format!("SSH-2.0-{software}\r\n").into_bytes())
}

/// Type of a DNS record, by the family of the address that is asked for.
fn dns_type(address: IpAddr) -> u16 {
    if address.is_ipv4() { 1 } else { 28 }
}

/// A DNS question (RFC 1035 4.1) for the addresses of `name`, of the family of `address`.
pub(super) fn dns_question(id: u16, name: &str, address: IpAddr) -> Payload {
    Payload::bytes(dns_message(id, 0x0100, 0, name, address))
}

/// The answer, with `count` records that begin with `address`.
pub(super) fn dns_answer(id: u16, name: &str, address: IpAddr, count: u16) -> Payload {
    let mut message = dns_message(id, 0x8180, count, name, address);
    let data = match address {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    for index in 0..count {
        // The name by a pointer to the question, class IN, five minutes to live.
        message.extend([0xc0, 12]);
        message.extend(dns_type(address).to_be_bytes());
        message.extend([0, 1, 0, 0, 1, 44]);
        message.extend((data.len() as u16).to_be_bytes());
        message.extend(&data);
        if let Some(last) = message.last_mut() {
            *last = last.wrapping_add(index as u8);
        }
    }
    Payload::bytes(message)
}

fn dns_message(id: u16, flags: u16, answers: u16, name: &str, address: IpAddr) -> Vec<u8> {
    let mut message: Vec<u8> = [id, flags, 1, answers, 0, 0]
        .into_iter()
        .flat_map(u16::to_be_bytes)
        .collect();
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(dns_type(address).to_be_bytes());
    message.extend([0, 1]);
    message
}

/// An NTP message (RFC 5905 7.3): version 4 in client mode 3 or server mode 4.
pub(super) fn ntp(from_server: bool) -> Payload {
    let first = if from_server { 0x24 } else { 0x23 };
    Payload::headed([first, if from_server { 2 } else { 0 }, 6, 0xe9], 48)
}
