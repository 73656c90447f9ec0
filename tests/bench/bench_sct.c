#include "ctlog/scts.h"

#include <time.h>

#include "tests/unit/ctlog/made_sct.h"

/*
 * SCTs of certificates, each with three of them, against the machine's own
 * ECDSA P-256: one EVP_PKEY_verify() of a prepared key over a ready digest.
 * Interleaved; one process, one thread.
 */
#define CERTS	64
#define LOGS	120
#define ROUNDS	15
#define PER	4	/* signatures of a certificate: 3 SCTs, 1 issuer */

static struct made_logs	logs;
static struct buf	certs[CERTS];
static struct made_ca	ca;

/* What the floor verifies, with the keys of the logs. */
static struct floor {
	EVP_PKEY_CTX	*ctx;
	uint8_t		 md[32];
	uint8_t		 sig[80];
	size_t		 n;
} floors[LOGS];

static double
now(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
make(void)
{
	struct made_leaf	l;
	struct buf		items = BUF_INIT, sct = BUF_INIT;
	EVP_PKEY_CTX		*c;
	size_t			 i, k;

	made_logs(&logs, LOGS);
	made_ca(&ca, "bench CA", NULL, 0);
	for (i = 0; i < CERTS; i++) {
		made_leaf(&l, &ca, 1780000000, 1785000000);
		buf_reset(&items);
		for (k = 0; k < 3; k++) {
			buf_reset(&sct);
			l.en.timestamp = 1780000000000 + i;
			made_sct(&sct, &logs, (i + k * 37) % LOGS, &l.en);
			made_item(&items, &sct);
		}
		made_leaf_done(&l, &items, &certs[i]);
	}
	for (i = 0; i < LOGS; i++) {
		memset(floors[i].md, (int)i + 1, 32);
		floors[i].n = sizeof(floors[i].sig);
		c = EVP_PKEY_CTX_new(logs.key[i], NULL);
		made_must(EVP_PKEY_sign_init(c) == 1 && EVP_PKEY_sign(c,
		    floors[i].sig, &floors[i].n, floors[i].md, 32) == 1);
		EVP_PKEY_CTX_free(c);
		floors[i].ctx = EVP_PKEY_CTX_new(logs.key[i], NULL);
		made_must(EVP_PKEY_verify_init(floors[i].ctx) == 1);
	}
	buf_free(&items);
	buf_free(&sct);
}

/* Signatures a second, of OpenSSL alone. */
static double
floor_rate(void)
{
	double	t = now();
	size_t	i;

	for (i = 0; i < (size_t)CERTS * PER; i++)
		made_must(EVP_PKEY_verify(floors[i % LOGS].ctx,
		    floors[i % LOGS].sig, floors[i % LOGS].n,
		    floors[i % LOGS].md, 32) == 1);
	return CERTS * PER / (now() - t);
}

/* Signatures a second, of whole certificates; each must be right. */
static double
scts_rate(void)
{
	struct span	issuer = buf_bytes(&ca.der);
	struct scts_in	in = { .issuers = &issuer, .nissuers = 1,
			    .logs = &logs.list, .at = 1782000000 * CLK_SEC };
	struct scts	s;
	double		t = now();
	size_t		i, k;

	for (i = 0; i < CERTS; i++) {
		in.cert = buf_bytes(&certs[i]);
		made_must(scts_read(&in, &s, NULL) == 0 && s.n == 3 &&
		    s.issuer == 0);
		for (k = 0; k < 3; k++)
			made_must(s.v[k].status == SCTS_VALID);
		scts_free(&s);
	}
	return CERTS * PER / (now() - t);
}

static int
cmp(const void *a, const void *b)
{
	const double	*x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Name, unit, median, spread. */
static void
print(const char *name, const char *unit, double *v, const char *goal)
{
	qsort(v, ROUNDS, sizeof(v[0]), cmp);
	printf("%-34s %-9s %9.2f %6.2f%s\n", name, unit, v[ROUNDS / 2],
	    v[ROUNDS - 1] / v[0] - 1, goal);
}

int
main(void)
{
	static double	ours[ROUNDS], base[ROUNDS], ratio[ROUNDS];
	size_t		i;

	make();
	(void)floor_rate();
	(void)scts_rate();
	for (i = 0; i < ROUNDS; i++) {
		base[i] = floor_rate();
		ours[i] = scts_rate();
		ratio[i] = ours[i] / base[i];
	}
	print("ecdsa_p256_verify", "sig/s", base, "");
	print("sct_verify", "sig/s", ours, "");
	print("sct_verify_over_ecdsa", "ratio", ratio, "  goal >= 0.90");
	return 0;
}
