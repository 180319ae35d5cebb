//! What is suspicious, where, and how much. A list to begin with: your application knows better what never belongs into it.

/// Which part of a request is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Target,
    Agent,
    Field,
    Body,
}

pub struct Rule {
    /// In the plain form of `normal`: small letters, single spaces.
    pub needle: &'static [u8],
    pub points: u32,
    pub metric: &'static str,
}

const fn rule(needle: &'static str, points: u32, metric: &'static str) -> Rule {
    Rule { needle: needle.as_bytes(), points, metric }
}

const SQL: &str = "matched.sql";
const SCRIPT: &str = "matched.script";
const PATH: &str = "matched.path";
const SHELL: &str = "matched.shell";
const SCANNER: &str = "matched.scanner";

const RULES: &[Rule] = &[
    rule("union select ", 5, SQL),
    rule("union all select ", 5, SQL),
    rule("' or '", 5, SQL),
    rule("' or 1", 5, SQL),
    rule("\" or \"", 5, SQL),
    rule(" or 1=1", 5, SQL),
    rule("; drop table", 5, SQL),
    rule("information_schema", 5, SQL),
    rule("xp_cmdshell", 5, SQL),
    rule("waitfor delay", 5, SQL),
    rule("into outfile", 5, SQL),
    rule("load_file(", 5, SQL),
    rule("sleep(", 3, SQL),
    rule("benchmark(", 3, SQL),
    rule("<script", 5, SCRIPT),
    rule("<iframe", 4, SCRIPT),
    rule("javascript:", 4, SCRIPT),
    rule("document.cookie", 4, SCRIPT),
    rule("onerror=", 4, SCRIPT),
    rule("onload=", 4, SCRIPT),
    rule("srcdoc=", 3, SCRIPT),
    rule("../", 3, PATH),
    rule("..\\", 3, PATH),
    rule("/etc/passwd", 5, PATH),
    rule("/proc/self/", 5, PATH),
    rule("win.ini", 3, PATH),
    rule("/bin/sh", 5, SHELL),
    rule("/bin/bash", 5, SHELL),
    rule("cmd.exe", 5, SHELL),
    rule("${jndi:", 5, SHELL),
    rule("; cat ", 4, SHELL),
    rule("| cat ", 4, SHELL),
    rule("base64_decode(", 4, SHELL),
    rule("phpinfo(", 5, SHELL),
    rule("169.254.169.254", 5, SHELL),
    rule("gopher://", 4, SHELL),
];

/// Programs that look for holes and say so.
const AGENTS: &[Rule] = &[
    rule("sqlmap", 5, SCANNER),
    rule("nikto", 5, SCANNER),
    rule("masscan", 5, SCANNER),
    rule("nmap scripting", 5, SCANNER),
];

/// Of all needles.
pub const LONGEST: usize = 24;

/// Rules by the byte that they begin with, so that a place in a text is compared with those alone that could begin there.
struct Index<const N: usize> {
    /// Positions in the list, those with the same first byte next to each other.
    order: [u8; N],
    /// Where those of a byte begin in `order`; they end where those of the next one begin.
    starts: [u8; 257],
}

static RULE_INDEX: Index<{ RULES.len() }> = index(RULES);
static AGENT_INDEX: Index<{ AGENTS.len() }> = index(AGENTS);

/// Made by the compiler.
const fn index<const N: usize>(rules: &[Rule]) -> Index<N> {
    let mut index = Index { order: [0; N], starts: [0; 257] };
    let mut filled = 0;
    let mut byte = 0;
    while byte < 256 {
        index.starts[byte] = filled as u8;
        let mut i = 0;
        while i < N {
            assert!(rules[i].needle.len() <= LONGEST);
            if rules[i].needle[0] as usize == byte {
                index.order[filled] = i as u8;
                filled += 1;
            }
            i += 1;
        }
        byte += 1;
    }
    index.starts[256] = filled as u8;
    index
}

/// Calls `found` for each place in a text at which a rule holds.
pub fn each_match(text: &[u8], place: Place, mut found: impl FnMut(&'static Rule)) {
    search(text, RULES, &RULE_INDEX, &mut found);
    if place == Place::Agent {
        search(text, AGENTS, &AGENT_INDEX, &mut found);
    }
}

fn search<const N: usize>(text: &[u8], rules: &'static [Rule], index: &Index<N>, found: &mut impl FnMut(&'static Rule)) {
    for (at, pair) in text.windows(2).enumerate() {
        let first = index.starts[pair[0] as usize];
        let last = index.starts[pair[0] as usize + 1];
        for position in first..last {
            let rule = &rules[index.order[position as usize] as usize];
            // Its second byte tells most of them apart, without a call.
            if rule.needle[1] == pair[1] && text[at..].starts_with(rule.needle) {
                found(rule);
            }
        }
    }
}
