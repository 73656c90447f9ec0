#ifndef TESTS_UNIT_AUDITOR_SAID_KINDS_H
#define TESTS_UNIT_AUDITOR_SAID_KINDS_H

/*
 * Every message of judge_audit.h: read, freed, and written again from what
 * was read where that is possible.  For the test and for fuzzing.
 */

#include <stdlib.h>
#include <string.h>

#include "auditor/role/judge.h"
#include "auditor/role/judge_audit.h"

/* Read one from ${c}: -1, or 0 and, in ${out}, the same once more. */
typedef int said_again(struct cur *, struct buf *);

static inline int
said_roots(struct cur *c, struct buf *out)
{
	struct roots	**v;
	size_t		  n;
	int		  rc = judge_roots_read(c, &v, &n);

	if (rc == 0)
		judge_roots_pack(out, (const struct roots *const *)v, n);
	judge_roots_free(v, n);
	return rc;
}

static inline int
said_trust(struct cur *c, struct buf *out)
{
	struct judge_trust	t;
	int			rc = judge_trust_read(c, &t);

	(void)out;
	judge_trust_free(&t);
	return rc;
}

static inline int
said_cert_ask(struct cur *c, struct buf *out)
{
	static struct judge_cert_ask	q;

	if (judge_cert_ask_read(c, &q) == -1)
		return -1;
	judge_cert_ask_pack(out, &q);
	return 0;
}

/* All of it is looked at: what is borrowed must be there. */
static inline int
said_cert(struct cur *c, struct buf *out)
{
	struct judge_cert	k;
	size_t			i, n = 0;

	(void)out;
	if (judge_cert_read(c, &k) == -1)
		return -1;
	for (i = 0; i < k.nnames; i++)
		n += strlen(k.names[i]);
	for (i = 0; i < k.ncrl; i++)
		n += strlen(k.crl[i]);
	for (i = 0; i < k.nwant; i++)
		n += strlen(k.want[i]);
	for (i = 0; i < k.nscts; i++)
		n += strlen(k.scts[i].reason) + k.scts[i].raw.n +
		    (k.scts[i].raw.n != 0 ? k.scts[i].raw.p[0] : 0);
	for (i = 0; i < k.npaths; i++)
		n += strlen(k.paths[i].reason) +
		    strlen(k.paths[i].program) + (k.paths[i].hashes.n != 0 ?
		    k.paths[i].hashes.p[k.paths[i].hashes.n - 1] : 0);
	n += strlen(k.serial) + strlen(k.weak_why) + strlen(k.policy[1]);
	judge_cert_free(&k);
	return n == (size_t)-1 ? -1 : 0;
}

static inline int
said_crl_ask(struct cur *c, struct buf *out)
{
	struct judge_crl_ask	q;

	if (judge_crl_ask_read(c, &q) == -1)
		return -1;
	judge_crl_ask_pack(out, &q);
	return 0;
}

static inline int
said_crl(struct cur *c, struct buf *out)
{
	struct crlscan_out	o;
	int			rc = judge_crl_read(c, &o);

	if (rc == 0)
		judge_crl_pack(out, &o);
	crlscan_out_free(&o);
	return rc;
}

static inline int
said_ocsp_ask(struct cur *c, struct buf *out)
{
	struct judge_ocsp_ask	q;

	if (judge_ocsp_ask_read(c, &q) == -1)
		return -1;
	judge_ocsp_ask_pack(out, &q);
	return 0;
}

static inline int
said_ocsp(struct cur *c, struct buf *out)
{
	struct ocsp_said	s;
	int			rc = judge_ocsp_read(c, &s);

	if (rc == 0)
		judge_ocsp_pack(out, &s);
	ocsp_said_free(&s);
	return rc;
}

static inline int
said_incl(struct cur *c, struct buf *out)
{
	static struct incl	x;
	struct http_req		q;
	size_t			i;

	if (judge_incl_read(c, &x) == -1)
		return -1;
	judge_incl_pack(out, &x);
	/* what would be asked */
	for (i = 0; i < x.nask; i++)
		(void)incl_request(&x, i, &q);
	return 0;
}

static inline int
said_aia(struct cur *c, struct buf *out)
{
	struct judge_aia	a;

	if (judge_aia_read(c, &a) == -1)
		return -1;
	judge_aia_pack(out, &a);
	return 0;
}

static inline int
said_keys(struct cur *c, struct buf *out)
{
	static uint8_t	bad[JUDGE_KEYS_MAX];
	size_t		n;

	if (judge_keys_read(c, bad, &n) == -1)
		return -1;
	buf_u32(out, (uint32_t)n);
	buf_add(out, bad, n);
	return 0;
}

static said_again *const said_kinds[] = { said_roots, said_trust,
	said_cert_ask, said_cert, said_crl_ask, said_crl, said_ocsp_ask,
	said_ocsp, said_incl, said_aia, said_keys };
#define SAID_KINDS	(sizeof(said_kinds) / sizeof(said_kinds[0]))

#endif
