/* C without a C library. SLUICE_HOOK exports a hook; what is read is there until its end. */
#include <sluice.h>

static uint8_t greeting[100];
static int32_t greeting_length;

/* Once for each instance. What it makes of the configuration stays. */
SLUICE_HOOK(on_init) {
  sluice_bytes text = sluice_member(sluice_config(), SLUICE_TEXT("greeting"));
  if (text.length < 0 || text.length > (int32_t)sizeof greeting) {
    sluice_log(SLUICE_ERROR, SLUICE_TEXT("there is no greeting, or too long a one"));
    return 1;
  }
  sluice_copy(greeting, text);
  greeting_length = text.length;
  return SLUICE_CONTINUE;
}

SLUICE_HOOK(on_request_head) {
  if (sluice_has(SLUICE_REQUEST, SLUICE_TEXT("x-forbidden"))) return sluice_respond(403, SLUICE_TEXT("this is forbidden\n"));
  return SLUICE_CONTINUE;
}

SLUICE_HOOK(on_response_head) {
  sluice_bytes value = {greeting, greeting_length};
  /* A trap is a fault: better than to be silent about a grant that is missing. */
  if (sluice_set(SLUICE_REPLY, SLUICE_TEXT("x-greeting"), value) < 0) __builtin_trap();
  return SLUICE_CONTINUE;
}
