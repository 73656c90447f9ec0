#include <stdint.h>
#include <string.h>

#include "auditor/acmedns.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define VALUE "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"

/*
 * An account of acme-dns as it answers and as clients keep it, and its answer
 * to an update (status, in hundreds, by the first byte).
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char	id[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO"
				    "PQRSTUVWXYZ0123456789-_";
	char			user[] = "u";
	struct acmedns		a = ACMEDNS_INIT;
	struct message_req	req;
	struct buf		url = BUF_INIT;
	struct err		e = ERR_INIT;
	struct span		s = { p, n };

	if (acmedns_read(s, "a.example", &a, &e) == 0) {
		/* these go into headers and a body */
		if (a.user[strspn(a.user, id)] != '\0' ||
		    a.key[strspn(a.key, id)] != '\0' ||
		    a.subdomain[strspn(a.subdomain, id)] != '\0')
			__builtin_trap();
		memset(&req, 0, sizeof(req));
		if (acmedns_update(&a, "https://d.example", VALUE, &url,
		    &req, NULL) == -1)
			__builtin_trap();
		message_req_free(&req);
		(void)acmedns_place(&a, "a.example", "b.example", &e);
		if (n != 0)
			(void)acmedns_said(&a, p[0] * 4L,
			    (struct span){ p + 1, n - 1 }, VALUE, &e);
	}
	acmedns_free(&a);
	a = (struct acmedns){ user, user, user, user };
	if (n != 0 && acmedns_said(&a, p[0] * 4L, (struct span){ p + 1,
	    n - 1 }, VALUE, &e) == -1 &&
	    e.msg[strcspn(e.msg, "\x1b\r\n\t\x7f")] != '\0')
		__builtin_trap();
	buf_free(&url);
	return 0;
}
