#include "auditor/net/tlsserved.h"

#include "base/err.h"

static int
bad(struct err *e)
{
	return err_set(e, ERR_FORMAT, "the Certificate message is not well "
	    "formed (RFC 8446 section 4.4.2)");
}

int
tlsserved_read(struct tlsserved *t, struct span message, int is13,
    struct err *e)
{
	struct cur	k, list, cert, skipped;

	buf_reset(&t->bytes);
	buf_span(&t->bytes, message);
	t->n = t->total = 0;
	k = cur_span(buf_bytes(&t->bytes));
	if (is13 && cur_vec8(&k, &skipped) != 0)
		return bad(e);
	if (cur_vec24(&k, &list) != 0 || cur_left(&k) != 0)
		return bad(e);
	while (cur_left(&list) != 0) {
		if (cur_vec24(&list, &cert) != 0 ||
		    (is13 && cur_vec16(&list, &skipped) != 0))
			return bad(e);
		if (t->n < LIMIT_CHAIN)
			t->v[t->n++] = cur_rest(&cert);
		t->total++;
	}
	return 0;
}

void
tlsserved_free(struct tlsserved *t)
{
	buf_free(&t->bytes);
	t->n = t->total = 0;
}
