/** A certificate for localhost that signs itself, and its key: for tests only, worth nothing anywhere else. */
export const testCertificate = `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUPrFB+s0Q2U0KbggF/RWrsd08lKgwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjIwNTIxNloYDzIxMjYxMDI5
MjA1MjE2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARovdZec0cCs6NRfhj7tyeYX6lYB2l1Lv73yySXnil5RDqIGD8S0t9M
n+n3pHriJRzYKSj0XfzUMnaLCiNeOh3eo28wbTAdBgNVHQ4EFgQU3bqcwyiheuoq
r5sAAYXtbJ3e3ZIwHwYDVR0jBBgwFoAU3bqcwyiheuoqr5sAAYXtbJ3e3ZIwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgS5p1Joq+GLm0ONQVslit3wSxJOUjBPpLdabbX6yavFsCIFbT
xmnKjh/VigSSfiaJk+9WaA2mjJ/WZsAWll+pb8OJ
-----END CERTIFICATE-----
`;

export const testKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2tu0gpZlhidVpzJ/
AHA4dXvnwvdTyRTGUOS/TeJhi0WhRANCAARovdZec0cCs6NRfhj7tyeYX6lYB2l1
Lv73yySXnil5RDqIGD8S0t9Mn+n3pHriJRzYKSj0XfzUMnaLCiNeOh3e
-----END PRIVATE KEY-----
`;
