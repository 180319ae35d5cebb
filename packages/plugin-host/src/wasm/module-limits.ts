/**
 * How large a module may be, whoever wrote it. The engine has limits too, but they are set for browsers: within them a
 * module of 200 KB can keep the compiler busy for 17 s and take 5 GB. Functions are compiled when they are first called,
 * on the thread that calls them, where no fuel counts.
 */
export const MODULE_LIMITS = {
  /** Bytes of the file. */
  moduleBytes: 16_777_216,
  /** Bytes of the file after metering. */
  meteredBytes: 67_108_864,
  sections: 1_000,
  types: 10_000,
  /** Parameters, and results, of one type. */
  parameters: 1_000,
  imports: 1_000,
  functions: 50_000,
  tables: 16,
  globals: 10_000,
  exports: 10_000,
  elementSegments: 10_000,
  dataSegments: 50_000,
  /** Local variables of one function, its parameters among them. */
  locals: 10_000,
  /** Bytes of one function. */
  bodyBytes: 1_048_576,
  /** Labels of one `br_table`. */
  labels: 65_520,
  /** Blocks that are open at once. */
  nesting: 5_000,
  /**
   * Values that are alive at once, times places where ways part or meet, of one function and of all: what the compiler's
   * time and memory grow with. One costs 20 to 40 ns and 25 bytes; the largest function of any real module that was looked
   * at has 125,000.
   */
  functionWeight: 1_000_000,
  moduleWeight: 20_000_000,
} as const
