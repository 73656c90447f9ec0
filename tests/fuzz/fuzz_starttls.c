#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/net/starttls.h"
#include "auditor/net/tlsserved.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Every byte of a message must be printable. */
static void
printable(const struct err *e)
{
	const char	*p;

	for (p = e->msg; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			abort();
}

/*
 * What a mail server says before TLS, in pieces whose length the second byte
 * gives, and what any server sends as its certificates.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct starttls		s;
	struct tlsserved	t;
	struct buf		out = BUF_INIT;
	struct err		e = ERR_INIT;
	struct span		part;
	size_t			at, step;
	int			r = 0;

	if (n < 2)
		return 0;
	memset(&s, 0, sizeof(s));
	memset(&t, 0, sizeof(t));
	starttls_begin(&s, p[0] & 1 ? PROBE_SMTP : PROBE_IMAP, "[::1]");
	step = (size_t)p[1] + 1;
	for (at = 2; at < n && r == 0; at += step) {
		part.p = p + at;
		part.n = n - at < step ? n - at : step;
		r = starttls_take(&s, part, &out, &e);
	}
	if ((r == -1) != (e.code != ERR_NONE))
		abort();
	printable(&e);
	part.p = p + 2;
	part.n = n - 2;
	(void)tlsserved_read(&t, part, p[0] & 2, NULL);
	if (t.n > t.total || t.n > LIMIT_CHAIN)
		abort();
	tlsserved_free(&t);
	starttls_free(&s);
	buf_free(&out);
	return 0;
}
