//! The kit for plugins in Rust: docs/plugin-abi.md as functions, without `std` and without an allocator. What is read goes into a buffer of
//! the caller.
//!
//! ```ignore
//! #![no_std]
//! use sluice::{Action, Message};
//!
//! #[no_mangle]
//! pub extern "C" fn on_request_head() -> Action {
//!     let mut buffer = [0; 256];
//!     if let Ok(agent) = Message::Request.get("user-agent", &mut buffer) {
//!         sluice::log(sluice::Level::Info, agent);
//!     }
//!     Action::Continue
//! }
//! ```
#![no_std]

use core::cell::{Cell, UnsafeCell};

/// The host functions as they are.
pub mod host {
    #[link(wasm_import_module = "sluice")]
    extern "C" {
        pub fn get_header(kind: i32, name: *const u8, name_len: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn get_headers(kind: i32, name: *const u8, name_len: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn set_header(kind: i32, name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> i32;
        pub fn add_header(kind: i32, name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> i32;
        pub fn remove_header(kind: i32, name: *const u8, name_len: usize) -> i32;
        pub fn get_head(kind: i32, buf: *mut u8, cap: usize) -> i32;
        pub fn edit_head(kind: i32, edits: *const u8, len: usize) -> i32;
        pub fn get_property(name: *const u8, name_len: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn set_property(name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> i32;
        pub fn get_body(kind: i32, offset: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn set_body(kind: i32, ptr: *const u8, len: usize) -> i32;
        pub fn respond(status: i32, fields: *const u8, fields_len: usize, body: *const u8, body_len: usize) -> i32;
        pub fn set_result(ptr: *const u8, len: usize) -> i32;
        pub fn get_state(buf: *mut u8, cap: usize) -> i32;
        pub fn set_state(ptr: *const u8, len: usize) -> i32;
        pub fn get_config(buf: *mut u8, cap: usize) -> i32;
        pub fn kv_get(key: *const u8, key_len: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn kv_set(key: *const u8, key_len: usize, value: *const u8, value_len: usize, ttl_ms: i32) -> i32;
        pub fn kv_delete(key: *const u8, key_len: usize) -> i32;
        pub fn kv_increment(key: *const u8, key_len: usize, delta: f64, ttl_ms: i32) -> f64;
        pub fn kv_compare_and_swap(
            key: *const u8,
            key_len: usize,
            expected: *const u8,
            expected_len: isize,
            value: *const u8,
            value_len: usize,
            ttl_ms: i32,
        ) -> i32;
        pub fn http_request(ptr: *const u8, len: usize) -> i32;
        pub fn http_reply_head(call: i32, buf: *mut u8, cap: usize) -> i32;
        pub fn http_reply_body(call: i32, offset: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn http_error(call: i32, buf: *mut u8, cap: usize) -> i32;
        pub fn log(level: i32, ptr: *const u8, len: usize) -> i32;
        pub fn metric(kind: i32, name: *const u8, name_len: usize, value: f64) -> i32;
        pub fn now_ms() -> f64;
        pub fn monotonic_ms() -> f64;
        pub fn random(ptr: *mut u8, len: usize) -> i32;
    }
}

/// What a hook returns.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Continue = 0,
    Respond = 1,
    Pause = 2,
    Skip = 3,
}

/// Why there is no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    Missing,
    /// The manifest does not grant it.
    Denied,
    Invalid,
    /// There is no room for it, or not in the buffer: so many bytes are wanted then.
    Limit(usize),
}

pub type Result<T> = core::result::Result<T, Error>;

/// How much a log line matters.
#[derive(Clone, Copy)]
pub enum Level {
    Trace = 0,
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
}

/// Whose head or body it is.
#[derive(Clone, Copy)]
pub enum Message {
    Request = 0,
    Reply = 1,
}

impl Message {
    /// The value of a field; several are joined with a comma.
    pub fn get<'a>(self, name: &str, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
        let (at, room) = parts(buffer);
        let length = unsafe { host::get_header(self as i32, name.as_ptr(), name.len(), at, room) };
        within(length, buffer)
    }

    pub fn has(self, name: &str) -> bool {
        unsafe { host::get_header(self as i32, name.as_ptr(), name.len(), core::ptr::null_mut(), 0) >= 0 }
    }

    /// Makes it the only field of this name.
    pub fn set(self, name: &str, value: &[u8]) -> Result<()> {
        done(unsafe { host::set_header(self as i32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
    }

    /// Adds a field beside those that are there.
    pub fn add(self, name: &str, value: &[u8]) -> Result<()> {
        done(unsafe { host::add_header(self as i32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
    }

    pub fn remove(self, name: &str) -> Result<()> {
        done(unsafe { host::remove_header(self as i32, name.as_ptr(), name.len()) })
    }

    /// The body at hand from `offset` on, as much as there is room for; empty at its end.
    pub fn body(self, offset: usize, buffer: &mut [u8]) -> Result<&[u8]> {
        let (at, room) = parts(buffer);
        let length = unsafe { host::get_body(self as i32, offset, at, room) };
        within(length, buffer)
    }

    /// In the place of the body at hand.
    pub fn set_body(self, body: &[u8]) -> Result<()> {
        done(unsafe { host::set_body(self as i32, body.as_ptr(), body.len()) })
    }
}

/// Something that is known of the exchange: `path`, `client.address`, `env.NAME`, ...
pub fn property<'a>(name: &str, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    let (at, room) = parts(buffer);
    let length = unsafe { host::get_property(name.as_ptr(), name.len(), at, room) };
    within(length, buffer)
}

pub fn set_property(name: &str, value: &[u8]) -> Result<()> {
    done(unsafe { host::set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Answers in the place of the upstream: `return sluice::respond(403, b"no\n")`.
pub fn respond(status: u16, body: &[u8]) -> Action {
    unsafe { host::respond(status as i32, core::ptr::null(), 0, body.as_ptr(), body.len()) };
    Action::Respond
}

/// The manifest's `config` as JSON. Read it in `on_init`.
pub fn config(buffer: &mut [u8]) -> Result<&[u8]> {
    let (at, room) = parts(buffer);
    let length = unsafe { host::get_config(at, room) };
    within(length, buffer)
}

/// A member of a JSON object: of a string what is between its quotes, as it stands there, with its escapes; of all else its text. The object
/// is known to be JSON, as the configuration is.
pub fn member<'a>(json: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let mut depth = 0;
    let mut wants_key = false;
    let mut at = 0;
    while at < json.len() {
        match json[at] {
            byte @ (b'{' | b'[') => {
                depth += 1;
                wants_key = byte == b'{';
            }
            b'}' | b']' => depth -= 1,
            b',' => wants_key = true,
            b'"' => {
                let start = at + 1;
                at = string_end(json, start);
                if depth == 1 && wants_key {
                    wants_key = false;
                    if json.get(start..at)? == key.as_bytes() {
                        return value(json.get(at + 1..)?);
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// What stands behind a key, from the colon on.
fn value(rest: &[u8]) -> Option<&[u8]> {
    let rest = &rest[rest.iter().position(|byte| *byte != b':' && *byte > b' ')?..];
    if rest[0] == b'"' {
        return rest.get(1..string_end(rest, 1));
    }
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            b'"' => at = string_end(rest, at + 1),
            b'{' | b'[' => depth += 1,
            b',' | b'}' | b']' | b'\t' | b'\n' | b'\r' | b' ' if depth == 0 => break,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    rest.get(..at)
}

fn string_end(json: &[u8], mut at: usize) -> usize {
    while at < json.len() && json[at] != b'"' {
        at += if json[at] == b'\\' { 2 } else { 1 };
    }
    at
}

pub fn state(buffer: &mut [u8]) -> Result<&[u8]> {
    let (at, room) = parts(buffer);
    let length = unsafe { host::get_state(at, room) };
    within(length, buffer)
}

/// Keeps bytes for the later hooks of this exchange.
pub fn set_state(state: &[u8]) -> Result<()> {
    done(unsafe { host::set_state(state.as_ptr(), state.len()) })
}

pub fn kv_get<'a>(key: &str, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    let (at, room) = parts(buffer);
    let length = unsafe { host::kv_get(key.as_ptr(), key.len(), at, room) };
    within(length, buffer)
}

/// A `ttl_ms` of 0 is for ever.
pub fn kv_set(key: &str, value: &[u8], ttl_ms: i32) -> Result<()> {
    done(unsafe { host::kv_set(key.as_ptr(), key.len(), value.as_ptr(), value.len(), ttl_ms) })
}

/// The sum, or NaN.
pub fn kv_increment(key: &str, delta: f64, ttl_ms: i32) -> f64 {
    unsafe { host::kv_increment(key.as_ptr(), key.len(), delta, ttl_ms) }
}

pub fn log(level: Level, text: &[u8]) {
    unsafe { host::log(level as i32, text.as_ptr(), text.len()) };
}

/// Adds to a counter.
pub fn count(name: &str, value: f64) {
    unsafe { host::metric(0, name.as_ptr(), name.len(), value) };
}

/// Milliseconds since 1970.
pub fn now_ms() -> f64 {
    unsafe { host::now_ms() }
}

/// A value that lives as long as the instance: what `on_init` made of the configuration, or a buffer. An instance has one thread.
pub struct Global<T> {
    value: UnsafeCell<T>,
    is_lent: Cell<bool>,
}

unsafe impl<T> Sync for Global<T> {}

impl<T> Global<T> {
    pub const fn new(value: T) -> Self {
        Self { value: UnsafeCell::new(value), is_lent: Cell::new(false) }
    }

    /// Lends it; panics where it is lent already.
    pub fn with<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> R {
        assert!(!self.is_lent.replace(true));
        let result = use_it(unsafe { &mut *self.value.get() });
        self.is_lent.set(false);
        result
    }
}

/// A panic is a trap, and with that a fault.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

fn parts(buffer: &mut [u8]) -> (*mut u8, usize) {
    (buffer.as_mut_ptr(), buffer.len())
}

fn within(length: i32, buffer: &[u8]) -> Result<&[u8]> {
    done(length)?;
    buffer.get(..length as usize).ok_or(Error::Limit(length as usize))
}

fn done(result: i32) -> Result<()> {
    match result {
        -1 => Err(Error::Missing),
        -2 => Err(Error::Denied),
        -4 => Err(Error::Limit(0)),
        result if result < 0 => Err(Error::Invalid),
        _ => Ok(()),
    }
}
