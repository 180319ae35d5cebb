/** A certificate for tests on loopback that signs itself: for those that need TLS and no authority behind it. */

/** For `localhost` and `127.0.0.1`, valid from 2020 to 2120, with its key; both in PEM. */
export const LOCALHOST_CERTIFICATE: { readonly cert: string; readonly key: string } = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBZzCCAQ2gAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIaw3y0jVW2VpVOB
ljR/igN1kgm/rIAOu3PGec9P5q2IcwT1EecZ7c+po/bi1cevI76mpvlc2YnwESDH
0FIiMUSjTjBMMB0GA1UdDgQWBBSmuIY4JG1Kh1ZdSsXhFNSZIp+ELjAPBgNVHRMB
Af8EBTADAQH/MBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAKBggqhkjOPQQD
AgNIADBFAiAbiGhTatAC7L8mZiYiAoD0/OP9UGiZVtUyRNN/TYxhNgIhAKv3jEIq
ANgr2wFV9BJBuBvNkWYGBJ0TCkyU8UmioeeB
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgj7Ec6jxlDJX1B0F5
bwoZ6lZ3ax4nWdCG3Il0d+52Tm+hRANCAASGsN8tI1VtlaVTgZY0f4oDdZIJv6yA
DrtzxnnPT+atiHME9RHnGe3PqaP24tXHryO+pqb5XNmJ8BEgx9BSIjFE
-----END PRIVATE KEY-----
`,
}
