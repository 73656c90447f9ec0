#include <stdint.h>
#include <string.h>

#include "base/clk.h"
#include "ocsp/ocsp_ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/*
 * An OCSP answer: two bytes of length, the issuer's certificate, the answer;
 * or an answer alone, which is its own issuer then.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t	nonce[32] = { 1 };
	struct ocsp_read_in	in = { { p, n }, "10", { nonce, 32 },
	    1900000000 * CLK_SEC, 300 * CLK_SEC, 86400 * CLK_SEC };
	struct ocsp_ask		ask = { { p, n }, "10", OCSP_SHA256,
	    { nonce, 32 } };
	struct span		der = { p, n };
	struct ocsp_said	s;
	struct buf		b = BUF_INIT;
	enum ocsp_says		counts;
	char			url[256];
	size_t			k = n < 2 ? 0 : (size_t)p[0] << 8 | p[1];

	if (k != 0 && k <= n - 2) {
		in.issuer = ask.issuer = (struct span){ p + 2, k };
		der = (struct span){ p + 2 + k, n - 2 - k };
	}
	ocsp_said_read(der, &in, &s);
	counts = ocsp_said_counts(&s);
	if (counts != OCSP_SAYS_NOTHING && (counts != s.says ||
	    s.sig != OCSP_SIG_VALID || s.who == OCSP_WHO_NONE ||
	    s.outer != 0))
		__builtin_trap();
	if ((s.faults != 0) != (s.why[0] != '\0') ||
	    memchr(s.why, '\0', sizeof(s.why)) == NULL)
		__builtin_trap();
	ocsp_said_free(&s);
	if (ocsp_ask_der(&ask, &b, NULL) == 0 &&
	    ocsp_ask_url("http://o.test", buf_bytes(&b), url, sizeof(url)) !=
	    (strlen(url) != 0))
		__builtin_trap();
	buf_free(&b);
	return 0;
}
