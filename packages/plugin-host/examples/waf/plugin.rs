//! A simple web application firewall. Parts of a request are brought into one plain form, and what is suspicious in them gives points; a request
//! with too many of them is answered with 403. It catches what is common and loud. It is no reason to leave a hole in an application open.
#![no_std]

mod normal;
mod rules;

use rules::{Place, Rule};
use sluice::{Action, Global, Level, Message};

/// Of one part of a request, so much is looked at. Bodies are as long as the manifest lets them be.
const PART_BYTES: usize = 65_536;

struct Settings {
    threshold: u32,
    only_detects: bool,
}

static SETTINGS: Global<Settings> = Global::new(Settings { threshold: 5, only_detects: false });
static RAW: Global<[u8; PART_BYTES]> = Global::new([0; PART_BYTES]);
static PLAIN: Global<[u8; PART_BYTES]> = Global::new([0; PART_BYTES]);

#[no_mangle]
pub extern "C" fn on_init() -> i32 {
    RAW.with(|raw| {
        let config = sluice::config(raw).unwrap();
        SETTINGS.with(|settings| {
            // The manifest's schema has seen to it that both are there and what they are.
            settings.threshold = number(sluice::member(config, "threshold").unwrap());
            settings.only_detects = sluice::member(config, "mode").unwrap() == b"detect";
        });
    });
    0
}

#[no_mangle]
pub extern "C" fn on_request_head() -> Action {
    RAW.with(|raw| {
        let mut score = 0;
        if let Ok(target) = sluice::property("target", raw) {
            score += inspect(target, Place::Target);
        }
        if let Ok(agent) = Message::Request.get("user-agent", raw) {
            score += inspect(agent, Place::Agent);
        }
        for name in ["referer", "cookie"] {
            if let Ok(value) = Message::Request.get(name, raw) {
                score += inspect(value, Place::Field);
            }
        }
        judge(score)
    })
}

#[no_mangle]
pub extern "C" fn on_request_body(length: i32, _is_last: i32) -> Action {
    RAW.with(|raw| {
        let mut score = 0;
        let mut at = 0;
        while at < length as usize {
            let part = match Message::Request.body(at, raw) {
                Ok(part) if !part.is_empty() => part,
                _ => break,
            };
            score += inspect(part, Place::Body);
            // The next part begins a little before the end of this one, so that nothing hides on the border.
            at += if part.len() > rules::LONGEST { part.len() - rules::LONGEST } else { part.len() };
            if part.len() < PART_BYTES {
                break;
            }
        }
        judge(score)
    })
}

fn inspect(part: &[u8], place: Place) -> u32 {
    PLAIN.with(|plain| {
        let text = normal::normalise(part, plain);
        let mut score = 0;
        rules::each_match(text, place, |rule| {
            score += rule.points;
            report(rule);
        });
        score
    })
}

fn report(rule: &Rule) {
    sluice::count(rule.metric, 1.0);
    sluice::log(Level::Info, rule.needle);
}

fn judge(score: u32) -> Action {
    SETTINGS.with(|settings| {
        if score < settings.threshold {
            return Action::Continue;
        }
        if settings.only_detects {
            // For whoever watches the upstream; a plugin that may not write it does without.
            let _ = Message::Request.set("x-waf", b"suspicious");
            return Action::Continue;
        }
        sluice::count("refused", 1.0);
        sluice::respond(403, b"refused\n")
    })
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| number * 10 + (digit - b'0') as u32)
}
