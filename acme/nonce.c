#include "acme/nonce.h"

#include <string.h>

#include "acme/doc.h"

int
nonce_put(struct nonce *p, const char *text)
{
	size_t	at;

	if (text == NULL || !doc_is_b64url(text, 1, LIMIT_ACME_NONCE))
		return -1;
	at = (p->first + p->n) % LIMIT_ACME_NONCES;
	if (p->n == LIMIT_ACME_NONCES)
		p->first = (p->first + 1) % LIMIT_ACME_NONCES;
	else
		p->n++;
	memcpy(p->v[at], text, strlen(text) + 1);
	return 0;
}

int
nonce_take(struct nonce *p, char out[LIMIT_ACME_NONCE + 1])
{
	size_t	at;

	if (p->n == 0)
		return -1;
	at = (p->first + --p->n) % LIMIT_ACME_NONCES;
	memcpy(out, p->v[at], strlen(p->v[at]) + 1);
	p->v[at][0] = '\0';
	return 0;
}
