#ifndef BASE_LIMIT_ACME_H
#define BASE_LIMIT_ACME_H

/* Caps of what is said to and by ACME CAs; a part of base/limit.h. */

/* --- ACME: what is signed, asked for and received --- */

/* A challenge's token: RFC 8555 8.1 wants 128 bits, which are 22 bytes; no CA
   gives 64. */
#define LIMIT_TOKEN_MIN		22u
#define LIMIT_TOKEN		128u
/* A nonce: those of public CAs have 22 to 70 bytes. */
#define LIMIT_NONCE		512u
/* A URL or a key identifier in what is signed. */
#define LIMIT_JWS_TEXT		2048u
/* Bytes of a key for external account binding: SHA-512 uses 128 of them. */
#define LIMIT_EAB_KEY		512u
/* Names of one order: public CAs take 100, some 250. */
#define LIMIT_SAN_NAMES		1000u
/* A certificate request: so many names and an RSA key, as PEM. */
#define LIMIT_CSR		(384u << 10)
/* A private key as PEM: RSA of 4,096 bits has 3.3 KB. */
#define LIMIT_PKEY_PEM		(16u << 10)
/* A record of dns-persist-01: an account URL of LIMIT_JWS_TEXT fits. */
#define LIMIT_PERSIST		4096u
/* A certificate with its chain, as the CA sends it: so many names, and four
   certificates above. */
#define LIMIT_GOT		(512u << 10)
/* Certificates of it: the path of LIMIT_CHAIN_DEPTH, leaf and root. */
#define LIMIT_GOT_CERTS		10u
/* Renewal information: two times and a URL. */
#define LIMIT_ARI		(16u << 10)

/* --- ACME: the state machine --- */

/* A JSON answer: an order of 100 names with its 100 authorizations is 30 KB. */
#define LIMIT_ACME_BODY		(256u << 10)
/* A problem document: 100 subproblems with a sentence each are 30 KB. */
#define LIMIT_ACME_PROBLEM	(64u << 10)
/* A chain in PEM: ten certificates with 8,192-bit keys. */
#define LIMIT_ACME_PEM		(64u << 10)
/* Identifiers of one order, and so authorizations: public CAs take 100. */
#define LIMIT_ACME_NAMES	100u
/* Challenges of one authorization, unknown ones too: CAs offer 5. */
#define LIMIT_ACME_CHALLENGES	32u
/* Subproblems that are kept; the others are counted. */
#define LIMIT_ACME_SUBPROBLEMS	100u
/* Chains beside the first one: CAs offer up to 3. */
#define LIMIT_ACME_ALTERNATES	8u
/* A URL of an ACME server: it must fit in a request (HTTP_URL_MAX). */
#define LIMIT_ACME_URL		2000u
/* A token or nonce: 22 characters are 128 bits, CAs send 43 to 56. */
#define LIMIT_ACME_TOKEN	128u
#define LIMIT_ACME_NONCE	256u
/* Nonces that are kept: one for each request under way, and they expire. */
#define LIMIT_ACME_NONCES	64u
/* Text of a CA in a sentence for a person, as it is shown. */
#define LIMIT_ACME_DETAIL	600u
/* Other texts of a CA: a profile's description, an identifier's value. */
#define LIMIT_ACME_TEXT		2000u
/* Lists of a directory: profiles, CAA identities; CAs have under 10. */
#define LIMIT_ACME_PROFILES	64u
#define LIMIT_ACME_CAA		64u
/* Issuer names of dns-persist-01: its draft allows 10. */
#define LIMIT_ACME_ISSUERS	10u
/* Addresses of an account's contacts. */
#define LIMIT_ACME_CONTACTS	16u
/* A CSR as base64url: 100 names of 253 bytes and an RSA key of 8,192 bits. */
#define LIMIT_ACME_CSR		(48u << 10)
/* badNonce to one request: at 50 % refused, 64 in a row happen never. */
#define LIMIT_ACME_NONCE_TRIES	64u
/* Lost answers and failures of the server to one request: 5 minutes. */
#define LIMIT_ACME_TRIES	30u
/* finalize of one order, each time after it was read and still ready: at a
   fifth of all requests lost, 16 in a row happen never. */
#define LIMIT_ACME_FINALIZE	16u
/* Reading one order or authorization until it changes: a day at 10 s. */
#define LIMIT_ACME_POLLS	10000u
/* A stored order: 9 chains as JSON, CSR, 100 authorizations. */
#define LIMIT_ACME_STATE	(4u << 20)

/* --- a CA that does not answer --- */

/* Seconds until whoever waits is told, and then between two times. */
#define LIMIT_ACME_QUIET	10
#define LIMIT_ACME_QUIET_AGAIN	30
/* Seconds without any answer until an order is left for another time: four
   requests, each of which is waited for as long as one may take (30 s). */
#define LIMIT_ACME_SILENCE	120

#endif
