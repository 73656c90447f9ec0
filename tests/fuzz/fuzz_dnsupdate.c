#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/acmedns.h"
#include "auditor/net/dnsmsg.h"
#include "auditor/net/dnsserver.h"
#include "auditor/net/dnsupdate.h"
#include "auditor/net/tsig.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/*
 * An answer to the signed update of tests/unit/auditor/made_tsig.py; the same
 * bytes as the data of a TXT record, as an answer and an account of acme-dns,
 * and as the address of a server.
 */
static void
an_answer(struct span s)
{
	static const struct dnsupdate	u = { DNSUPDATE_ADD, "example.org",
		"_acme-challenge.www.example.org",
		"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", 60 };
	static const uint8_t	secret[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
		12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
		27, 28, 29, 30, 31, 32 };
	struct span		key_bytes = { secret, sizeof(secret) };
	struct tsig_said	said;
	struct tsig_key		key;
	struct tsig_mac		mac;
	struct err		e = ERR_INIT;
	struct buf		b = BUF_INIT;
	int			rcode;

	if (tsig_key_set(&key, "certvigil", "hmac-sha256", key_bytes,
	    NULL) != 0 || dnsupdate_pack(&b, 0x1234, &u, NULL) != 0)
		abort();
	tsig_sign(&b, &key, 1800000000, &mac);
	buf_free(&b);
	tsig_verify(s, &key, &mac, 1800000000, &said);
	if ((tsig_err(&said, &key, "ns", 1800000000, &e) == 0) !=
	    (said.verdict == TSIG_OK))
		abort();
	/* It cannot be guessed, only be one of the seeds. */
	rcode = dnsupdate_read(s, 0x1234, NULL);
	if (rcode > 15)
		abort();
	if (rcode >= 0)
		(void)dnsupdate_err(rcode, &u, "ns", "certvigil", &e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct acmedns	account = { (char *)(uintptr_t)"u",
		(char *)(uintptr_t)"k", (char *)(uintptr_t)"s",
		(char *)(uintptr_t)"d" };
	struct dnsserver	server;
	struct acmedns		a;
	struct span		s = { p, n };
	char			text[80];

	an_answer(s);
	(void)dnsupdate_is(s, "value");
	(void)acmedns_said(&account, 200, s, "value", NULL);
	if (acmedns_read(s, "example.org", &a, NULL) == 0) {
		if (strpbrk(a.user, "\r\n:") != NULL)
			abort();
		acmedns_free(&a);
	}
	n = n < sizeof(text) ? n : sizeof(text) - 1;
	memcpy(text, p, n);
	text[n] = '\0';
	(void)dnsserver_read(&server, text, NULL);
	return 0;
}
