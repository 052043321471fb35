/**
 * What the server of a comparison over TLS shows, and its clients trust: a certificate for localhost and 127.0.0.1 that
 * signs itself, valid until 2126, so that nobody needs `openssl` and every run sends as many bytes.
 *
 * Its key is public on purpose. It protects nothing: it is used on loopback alone, between processes of one comparison, and
 * no client but the lab's ever trusts it.
 */
export const labCertificate = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUU+YqC3E0NjlAzswbMtY87/J6zDswCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyOTAxMDc0MVoYDzIxMjYxMTA1
MDEwNzQxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATh4zsa/SknBti7MfrU06yEFCezxtjO7ga42lnSR/WZWocKR/d8eG1N
FLBlDiKpiSm1UV48q42xqbg5JUpcVAf3o28wbTAdBgNVHQ4EFgQUvkYS12JAsJMZ
guahhY4OgluC0j0wHwYDVR0jBBgwFoAUvkYS12JAsJMZguahhY4OgluC0j0wGgYD
VR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZI
zj0EAwIDSAAwRQIhAMRrw+3ozljriasJFAr6ajgUzTMcuJCEqxpceM9jQ3pyAiBU
dkHN6F228w5VTe3iyaTA1jfe2RYVVDJZsT8DKT93wQ==
-----END CERTIFICATE-----
`;

export const labKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgezLEAIWxhDmA2uNP
x3YR4KsvW+BRawRoZ4zQJnNyO5GhRANCAATh4zsa/SknBti7MfrU06yEFCezxtjO
7ga42lnSR/WZWocKR/d8eG1NFLBlDiKpiSm1UV48q42xqbg5JUpcVAf3
-----END PRIVATE KEY-----
`;
