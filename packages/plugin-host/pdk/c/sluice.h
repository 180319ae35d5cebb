/*
 * The kit for plugins in C: docs/plugin-abi.md as functions. One header, no C library.
 *
 *     #include <sluice.h>
 *     SLUICE_HOOK(on_request_head) {
 *       sluice_set(SLUICE_REQUEST, SLUICE_TEXT("x-seen-by"), SLUICE_TEXT("a plugin"));
 *       return SLUICE_CONTINUE;
 *     }
 *
 * What is read goes into a scratch memory of SLUICE_SCRATCH bytes, which every hook begins with afresh. What is kept longer is copied.
 */
#ifndef SLUICE_H
#define SLUICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of which all that a hook reads has to fit in; SLUICE_LIMIT is the result otherwise. */
#ifndef SLUICE_SCRATCH
#define SLUICE_SCRATCH 65536
#endif

/* What a hook returns. */
#define SLUICE_CONTINUE 0
#define SLUICE_RESPOND 1
#define SLUICE_PAUSE 2
#define SLUICE_SKIP 3

/* Lengths below 0. */
#define SLUICE_MISSING (-1)
#define SLUICE_DENIED (-2)
#define SLUICE_INVALID (-3)
#define SLUICE_LIMIT (-4)

#define SLUICE_REQUEST 0
#define SLUICE_REPLY 1

typedef enum { SLUICE_TRACE, SLUICE_DEBUG, SLUICE_INFO, SLUICE_WARN, SLUICE_ERROR } sluice_level;
typedef enum { SLUICE_COUNTER, SLUICE_GAUGE, SLUICE_HISTOGRAM } sluice_metric_kind;

/* Bytes somewhere. A length below 0 says why there are none. */
typedef struct {
  const uint8_t *at;
  int32_t length;
} sluice_bytes;

/* A literal as bytes. */
#define SLUICE_TEXT(literal) ((sluice_bytes){(const uint8_t *)(literal), (int32_t)sizeof(literal) - 1})
#define SLUICE_NOTHING ((sluice_bytes){NULL, SLUICE_MISSING})

/* Hooks. The body is that of a function; those of bodies have `length` and `is_last`, `on_http_reply` has `call` and `status`. */
#define SLUICE_HOOK(name) \
  static int32_t sluice_hook_##name(void); \
  __attribute__((export_name(#name))) int32_t sluice_export_##name(void) { \
    sluice_used = 0; \
    return sluice_hook_##name(); \
  } \
  static int32_t sluice_hook_##name(void)
#define SLUICE_HOOK_OF_TWO(name, first, second) \
  static int32_t sluice_hook_##name(int32_t first, int32_t second); \
  __attribute__((export_name(#name))) int32_t sluice_export_##name(int32_t first, int32_t second) { \
    sluice_used = 0; \
    return sluice_hook_##name(first, second); \
  } \
  static int32_t sluice_hook_##name(__attribute__((unused)) int32_t first, __attribute__((unused)) int32_t second)
#define SLUICE_BODY_HOOK(name) SLUICE_HOOK_OF_TWO(name, length, is_last)
#define SLUICE_HTTP_HOOK() SLUICE_HOOK_OF_TWO(on_http_reply, call, status)

/* The host functions as they are. */
#define SLUICE_IMPORT(name) __attribute__((import_module("sluice"), import_name(#name))) extern
SLUICE_IMPORT(get_header) int32_t sluice_host_get_header(int32_t, const void *, int32_t, void *, int32_t);
SLUICE_IMPORT(get_headers) int32_t sluice_host_get_headers(int32_t, const void *, int32_t, void *, int32_t);
SLUICE_IMPORT(set_header) int32_t sluice_host_set_header(int32_t, const void *, int32_t, const void *, int32_t);
SLUICE_IMPORT(add_header) int32_t sluice_host_add_header(int32_t, const void *, int32_t, const void *, int32_t);
SLUICE_IMPORT(remove_header) int32_t sluice_host_remove_header(int32_t, const void *, int32_t);
SLUICE_IMPORT(get_head) int32_t sluice_host_get_head(int32_t, void *, int32_t);
SLUICE_IMPORT(edit_head) int32_t sluice_host_edit_head(int32_t, const void *, int32_t);
SLUICE_IMPORT(get_property) int32_t sluice_host_get_property(const void *, int32_t, void *, int32_t);
SLUICE_IMPORT(set_property) int32_t sluice_host_set_property(const void *, int32_t, const void *, int32_t);
SLUICE_IMPORT(get_body) int32_t sluice_host_get_body(int32_t, int32_t, void *, int32_t);
SLUICE_IMPORT(set_body) int32_t sluice_host_set_body(int32_t, const void *, int32_t);
SLUICE_IMPORT(respond) int32_t sluice_host_respond(int32_t, const void *, int32_t, const void *, int32_t);
SLUICE_IMPORT(set_result) int32_t sluice_host_set_result(const void *, int32_t);
SLUICE_IMPORT(get_state) int32_t sluice_host_get_state(void *, int32_t);
SLUICE_IMPORT(set_state) int32_t sluice_host_set_state(const void *, int32_t);
SLUICE_IMPORT(get_config) int32_t sluice_host_get_config(void *, int32_t);
SLUICE_IMPORT(kv_get) int32_t sluice_host_kv_get(const void *, int32_t, void *, int32_t);
SLUICE_IMPORT(kv_set) int32_t sluice_host_kv_set(const void *, int32_t, const void *, int32_t, int32_t);
SLUICE_IMPORT(kv_delete) int32_t sluice_host_kv_delete(const void *, int32_t);
SLUICE_IMPORT(kv_increment) double sluice_host_kv_increment(const void *, int32_t, double, int32_t);
SLUICE_IMPORT(kv_compare_and_swap)
int32_t sluice_host_kv_compare_and_swap(const void *, int32_t, const void *, int32_t, const void *, int32_t, int32_t);
SLUICE_IMPORT(http_request) int32_t sluice_host_http_request(const void *, int32_t);
SLUICE_IMPORT(http_reply_head) int32_t sluice_host_http_reply_head(int32_t, void *, int32_t);
SLUICE_IMPORT(http_reply_body) int32_t sluice_host_http_reply_body(int32_t, int32_t, void *, int32_t);
SLUICE_IMPORT(http_error) int32_t sluice_host_http_error(int32_t, void *, int32_t);
SLUICE_IMPORT(log) int32_t sluice_host_log(int32_t, const void *, int32_t);
SLUICE_IMPORT(metric) int32_t sluice_host_metric(int32_t, const void *, int32_t, double);
SLUICE_IMPORT(now_ms) double sluice_host_now_ms(void);
SLUICE_IMPORT(monotonic_ms) double sluice_host_monotonic_ms(void);
SLUICE_IMPORT(random) int32_t sluice_host_random(void *, int32_t);

/* Scratch memory. */
static uint8_t sluice_scratch[SLUICE_SCRATCH];
static int32_t sluice_used;

static inline uint8_t *sluice_free_at(void) { return sluice_scratch + sluice_used; }
static inline int32_t sluice_free_length(void) { return SLUICE_SCRATCH - sluice_used; }

/* Makes what was just written to the free part ours, or says that it did not fit. */
static inline sluice_bytes sluice_take(int32_t length) {
  if (length < 0) return (sluice_bytes){NULL, length};
  if (length > sluice_free_length()) return (sluice_bytes){NULL, SLUICE_LIMIT};
  const uint8_t *at = sluice_free_at();
  sluice_used += length;
  return (sluice_bytes){at, length};
}

/* Room of one's own until the end of the hook; NULL where there is none. */
static inline uint8_t *sluice_room(int32_t length) { return (uint8_t *)sluice_take(length).at; }

/* Bytes. */
static inline bool sluice_equal(sluice_bytes a, sluice_bytes b) {
  if (a.length != b.length) return false;
  for (int32_t i = 0; i < a.length; i++)
    if (a.at[i] != b.at[i]) return false;
  return true;
}
static inline bool sluice_starts_with(sluice_bytes text, sluice_bytes start) {
  return text.length >= start.length && sluice_equal((sluice_bytes){text.at, start.length}, start);
}
static inline uint8_t *sluice_copy(uint8_t *to, sluice_bytes from) {
  for (int32_t i = 0; i < from.length; i++) to[i] = from.at[i];
  return to + (from.length > 0 ? from.length : 0);
}
/* In decimal, at most 20 digits. Gives the end. */
static inline uint8_t *sluice_put_number(uint8_t *to, uint64_t value) {
  uint8_t digits[20];
  int32_t count = 0;
  do digits[count++] = (uint8_t)('0' + value % 10);
  while ((value /= 10) != 0);
  while (count > 0) *to++ = digits[--count];
  return to;
}

/* Fields. */
static inline sluice_bytes sluice_get(int32_t kind, sluice_bytes name) {
  return sluice_take(sluice_host_get_header(kind, name.at, name.length, sluice_free_at(), sluice_free_length()));
}
static inline bool sluice_has(int32_t kind, sluice_bytes name) {
  return sluice_host_get_header(kind, name.at, name.length, NULL, 0) >= 0;
}
static inline int32_t sluice_set(int32_t kind, sluice_bytes name, sluice_bytes value) {
  return sluice_host_set_header(kind, name.at, name.length, value.at, value.length);
}
static inline int32_t sluice_add(int32_t kind, sluice_bytes name, sluice_bytes value) {
  return sluice_host_add_header(kind, name.at, name.length, value.at, value.length);
}
static inline int32_t sluice_remove(int32_t kind, sluice_bytes name) {
  return sluice_host_remove_header(kind, name.at, name.length);
}

/* Properties: SLUICE_TEXT("path"), SLUICE_TEXT("client.address"), ... */
static inline sluice_bytes sluice_property(sluice_bytes name) {
  return sluice_take(sluice_host_get_property(name.at, name.length, sluice_free_at(), sluice_free_length()));
}
static inline int32_t sluice_set_property(sluice_bytes name, sluice_bytes value) {
  return sluice_host_set_property(name.at, name.length, value.at, value.length);
}

/* Bodies: `length` is what the hook was called with. */
static inline sluice_bytes sluice_body(int32_t kind, int32_t length) {
  if (length > sluice_free_length()) return (sluice_bytes){NULL, SLUICE_LIMIT};
  return sluice_take(sluice_host_get_body(kind, 0, sluice_free_at(), length));
}
/* A part of one, for bodies that are larger than the scratch memory; it is there until the next part. */
static inline sluice_bytes sluice_body_part(int32_t kind, int32_t offset) {
  int32_t length = sluice_host_get_body(kind, offset, sluice_free_at(), sluice_free_length());
  return (sluice_bytes){sluice_free_at(), length};
}
static inline int32_t sluice_set_body(int32_t kind, sluice_bytes body) {
  return sluice_host_set_body(kind, body.at, body.length);
}

/* Answers: `return sluice_respond(403, SLUICE_TEXT("no\n"));`. For fields there is sluice_host_respond. */
static inline int32_t sluice_respond(int32_t status, sluice_bytes body) {
  sluice_host_respond(status, NULL, 0, body.at, body.length);
  return SLUICE_RESPOND;
}

/* What is kept. */
static inline sluice_bytes sluice_state(void) {
  return sluice_take(sluice_host_get_state(sluice_free_at(), sluice_free_length()));
}
static inline int32_t sluice_set_state(sluice_bytes state) { return sluice_host_set_state(state.at, state.length); }
static inline sluice_bytes sluice_kv_get(sluice_bytes key) {
  return sluice_take(sluice_host_kv_get(key.at, key.length, sluice_free_at(), sluice_free_length()));
}
static inline int32_t sluice_kv_set(sluice_bytes key, sluice_bytes value, int32_t ttl_ms) {
  return sluice_host_kv_set(key.at, key.length, value.at, value.length, ttl_ms);
}
static inline double sluice_kv_increment(sluice_bytes key, double delta, int32_t ttl_ms) {
  return sluice_host_kv_increment(key.at, key.length, delta, ttl_ms);
}

/* Configuration. Read it in `on_init`. */
static inline sluice_bytes sluice_config(void) {
  return sluice_take(sluice_host_get_config(sluice_free_at(), sluice_free_length()));
}
/*
 * A member of a JSON object: of a string what is between its quotes, as it stands there, with its escapes; of all else its text. The object is
 * known to be JSON, as the configuration is. A key with escapes is not found.
 */
static inline sluice_bytes sluice_member(sluice_bytes json, sluice_bytes key) {
  int32_t depth = 0;
  bool wants_key = false;
  for (int32_t i = 0; i < json.length; i++) {
    uint8_t byte = json.at[i];
    if (byte == '{' || byte == '[') depth++, wants_key = byte == '{';
    else if (byte == '}' || byte == ']') depth--;
    else if (byte == ',') wants_key = true;
    else if (byte == '"') {
      int32_t start = ++i;
      while (i < json.length && json.at[i] != '"') i += json.at[i] == '\\' ? 2 : 1;
      if (depth != 1 || !wants_key) continue;
      wants_key = false;
      if (!sluice_equal((sluice_bytes){json.at + start, i - start}, key)) continue;
      for (i++; i < json.length && (json.at[i] == ':' || json.at[i] <= ' '); i++) continue;
      start = i;
      if (json.at[i] == '"') {
        for (i = ++start; i < json.length && json.at[i] != '"'; i += json.at[i] == '\\' ? 2 : 1) continue;
        return (sluice_bytes){json.at + start, i - start};
      }
      for (depth = 0; i < json.length; i++) {
        byte = json.at[i];
        if (byte == '"') {
          for (i++; i < json.length && json.at[i] != '"'; i += json.at[i] == '\\' ? 2 : 1) continue;
        } else if (byte == '{' || byte == '[') depth++;
        else if (depth == 0 && (byte == ',' || byte <= ' ' || byte == '}')) break;
        else if (byte == '}' || byte == ']') depth--;
      }
      return (sluice_bytes){json.at + start, i - start};
    }
  }
  return SLUICE_NOTHING;
}

/* The rest. */
static inline void sluice_log(sluice_level level, sluice_bytes text) { sluice_host_log(level, text.at, text.length); }
static inline void sluice_metric(sluice_metric_kind kind, sluice_bytes name, double value) {
  sluice_host_metric(kind, name.at, name.length, value);
}
static inline double sluice_now_ms(void) { return sluice_host_now_ms(); }
static inline double sluice_monotonic_ms(void) { return sluice_host_monotonic_ms(); }
static inline void sluice_random(void *to, int32_t length) { sluice_host_random(to, length); }

#endif
