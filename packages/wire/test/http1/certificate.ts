/** A certificate for `localhost` that signs itself, and its key: for tests on loopback, valid for a century. */
export const CERTIFICATE = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUfk99oElklweRI3RmDuNWshWzsDgwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAxNTM1MVoYDzIxMjYxMDMw
MDE1MzUxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARIRlTdmXwhkjFt7pn6y3BsfTAvukVvil+nHT/nmCe/fohZDGTBW4m+
w8PWo2tQ2b86NkMjAyXIHKZCXcb7WUlro28wbTAdBgNVHQ4EFgQUJvbc84i3Ik8R
me+uh3JypM2P/CwwHwYDVR0jBBgwFoAUJvbc84i3Ik8Rme+uh3JypM2P/CwwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAJLVBgipLiLCF4N2xA1Qoyfra6Y5m68aOMeIFDGwQNkoAiBo
eguX/x1lPXD3rvxrnpIrkvrcuK91Uas5rcrrKeVVXQ==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQCr9LsoRT6uNOtee
ARnnRLh5nXcZpg+iYVyNPRirbKehRANCAARIRlTdmXwhkjFt7pn6y3BsfTAvukVv
il+nHT/nmCe/fohZDGTBW4m+w8PWo2tQ2b86NkMjAyXIHKZCXcb7WUlr
-----END PRIVATE KEY-----
`,
}
