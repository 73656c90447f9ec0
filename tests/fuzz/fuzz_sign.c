#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/role/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A key of its own, whose file is removed at once. */
static struct sign *
make(void)
{
	char		 dir[] = "/tmp/cvfuzz.XXXXXX", path[64];
	struct sign	*s;

	if (mkdtemp(dir) == NULL || (s = sign_new(dir, NULL)) == NULL ||
	    sign_secret(s, "soc",
	    "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", NULL) == -1)
		abort();
	(void)snprintf(path, sizeof(path), "%s/instance.key", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	return s;
}

/* What an engine that was taken over may ask: a type and a body. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct sign	*s;
	struct buf		 answer = BUF_INIT;
	struct cur		 c, said;
	uint8_t			 code;

	if (n == 0)
		return 0;
	if (s == NULL)
		s = make();
	sign_serve(&s, p[0], cur_of(p + 1, n - 1), &answer);
	c = cur_span(buf_bytes(&answer));
	if (cur_u8(&c, &code) == -1 || code >= ERR_MAX ||
	    cur_vec32(&c, &said) == -1 || cur_left(&c) != 0)
		abort();
	/* only these two types sign, and only what has their form */
	if (code == ERR_NONE && cur_left(&said) != 0 &&
	    p[0] != SIGN_WEBHOOK && p[0] != SIGN_STATEMENT)
		abort();
	buf_free(&answer);
	return 0;
}
