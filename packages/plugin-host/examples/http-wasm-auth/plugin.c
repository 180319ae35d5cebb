/*
 * A plugin for the ABI of http-wasm (https://http-wasm.io/http-handler-abi/), which Traefik and Dapr run: HTTP Basic authentication (RFC 7617). The
 * configuration is JSON, `{"users":["YWxpY2U6c2VjcmV0"]}`: user and password of each as they come, in base64.
 */
#include <stdbool.h>
#include <stdint.h>

#define HOST(name) __attribute__((import_module("http_handler"), import_name(#name))) extern
HOST(get_config) uint32_t get_config(void *, uint32_t);
HOST(get_header_values) uint64_t get_header_values(uint32_t, const void *, uint32_t, void *, uint32_t);
HOST(set_header_value) void set_header_value(uint32_t, const void *, uint32_t, const void *, uint32_t);
HOST(remove_header) void remove_header(uint32_t, const void *, uint32_t);
HOST(set_status_code) void set_status_code(uint32_t);
HOST(write_body) void write_body(uint32_t, const void *, uint32_t);
HOST(log) void host_log(int32_t, const void *, uint32_t);

enum { REQUEST, REPLY };
#define TEXT(literal) literal, sizeof(literal) - 1

static uint8_t config[65536];
static uint32_t config_length;
static uint8_t value[1024];

static bool is_base64(uint8_t byte) {
  return (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'z') || byte == '+' || byte == '/' || byte == '=';
}

/* Whether the credentials are among the configuration's, the only list in it. Takes as long for wrong ones, wherever they differ. */
static bool is_known(const uint8_t *credentials, uint32_t length) {
  for (uint32_t i = 0; i < length; i++)
    if (!is_base64(credentials[i])) return false;
  bool known = false, is_list = false;
  for (uint32_t at = 1; at + length < config_length; at++) {
    if (config[at - 1] == '[') is_list = true;
    if (!is_list || config[at - 1] != '"' || config[at + length] != '"') continue;
    uint32_t difference = 0;
    for (uint32_t i = 0; i < length; i++) difference |= config[at + i] ^ credentials[i];
    known |= difference == 0;
  }
  return known;
}

__attribute__((export_name("handle_request"))) uint64_t handle_request(void) {
  if (config_length == 0) config_length = get_config(config, sizeof config);
  /* The number of values in the upper half, their length with a NUL behind each in the lower. */
  uint64_t found = get_header_values(REQUEST, TEXT("authorization"), value, sizeof value);
  uint32_t count = (uint32_t)(found >> 32), length = (uint32_t)found;
  bool is_basic = count == 1 && length > 7 && length <= sizeof value && (value[0] | 32) == 'b' && (value[1] | 32) == 'a' &&
                  (value[2] | 32) == 's' && (value[3] | 32) == 'i' && (value[4] | 32) == 'c' && value[5] == ' ';
  if (is_basic && is_known(value + 6, length - 7)) {
    /* The upstream has no use for a password that is the gateway's. */
    remove_header(REQUEST, TEXT("authorization"));
    /* In the upper half what handle_response is called with, in the lower 1: go on. */
    return 1;
  }
  host_log(0, TEXT("refused: no or wrong credentials"));
  set_status_code(401);
  set_header_value(REPLY, TEXT("www-authenticate"), TEXT("Basic realm=\"gateway\", charset=\"UTF-8\""));
  write_body(REPLY, TEXT("who are you?\n"));
  return 0;
}

__attribute__((export_name("handle_response"))) void handle_response(uint32_t context, uint32_t is_error) {
  (void)context;
  if (!is_error) set_header_value(REPLY, TEXT("cache-control"), TEXT("private"));
}
