//! Rust without `std`. Hooks are exported functions; a panic is a fault.
#![no_std]

use sluice::{Action, Global, Message};

struct Greeting {
    bytes: [u8; 100],
    length: usize,
}

static GREETING: Global<Greeting> = Global::new(Greeting { bytes: [0; 100], length: 0 });

/// Once for each instance. What it makes of the configuration stays.
#[no_mangle]
pub extern "C" fn on_init() -> i32 {
    let mut buffer = [0; 1024];
    let config = sluice::config(&mut buffer).unwrap();
    let text = sluice::member(config, "greeting").unwrap();
    GREETING.with(|greeting| {
        greeting.length = text.len();
        greeting.bytes[..text.len()].copy_from_slice(text);
    });
    0
}

#[no_mangle]
pub extern "C" fn on_request_head() -> Action {
    if Message::Request.has("x-forbidden") {
        return sluice::respond(403, b"this is forbidden\n");
    }
    Action::Continue
}

#[no_mangle]
pub extern "C" fn on_response_head() -> Action {
    GREETING.with(|greeting| Message::Reply.set("x-greeting", &greeting.bytes[..greeting.length]).unwrap());
    Action::Continue
}
