#include "tests/bench/made.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/sha.h"
#include "ocsp/crlscan.h"

/*
 * One pass over a CRL of 1,000,000 entries against SHA-256 over the same
 * bytes, with 1, 1,000 and 1,000,000 watched serials, and the memory of a
 * process that reads it from a pipe.  README has the data and the formulas.
 *
 *   bench_crl               prints the figures
 *   bench_crl --stream N    is that process: the CRL on stdin, set and
 *                           certificate as descriptors 3 and 4
 */
#define ENTRIES		1000000u
#define ROUNDS		9
#define PIECE		((size_t)64 << 10)
#define NOW		(1781524800LL * 1000000)	/* 2026-06-15T12:00:00Z */
#define ES256		"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define ROOM		"goal: under 12"

static const size_t	watched[3] = { 1, 1000, 1000000 };

static struct buf	crl, ca, image[3];
static uint64_t		rng = 0x9e3779b97f4a7c15ULL;

static uint64_t
rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static void
need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_crl: %s failed\n", what);
	exit(2);
}

/* --- what is read --- */

/* Serial ${i}: 18 bytes, positive, spread like random ones. */
static void
serial(uint8_t s[18], size_t i)
{
	uint64_t	a = (i + 1) * 0xd1342543de82ef95ULL;
	uint64_t	b = (a ^ a >> 29) * 0xbf58476d1ce4e5b9ULL;

	memcpy(s, &a, 8);
	memcpy(s + 8, &b, 8);
	memcpy(s + 16, &i, 2);
	s[0] = (uint8_t)(3 + (b >> 60) % 4);
}

static void
entries(struct buf *b)
{
	static const uint8_t	reasons[8] = { 1, 4, 5, 4, 5, 3, 4, 9 };
	uint8_t			e[50] = { 0x30, 35, 2, 18 };
	size_t			i;
	uint64_t		r;

	for (i = 0; i < ENTRIES; i++) {
		r = rnd();
		serial(e + 4, i);
		(void)snprintf((char *)e + 22, 16, "\x17\x0d" "26%02u%02u"
		    "%02u%02u%02uZ", (unsigned)(r & 3) + 1,
		    (unsigned)(r >> 8) % 28 + 1, (unsigned)(r >> 16) % 24,
		    (unsigned)(r >> 24) % 60, (unsigned)(r >> 32) % 60);
		e[1] = 35;
		if ((r >> 40) % 100 < 60) {
			e[1] = 49;
			memcpy(e + 37, "\x30\x0c\x30\x0a\x06\x03\x55\x1d"
			    "\x15\x04\x03\x0a\x01", 13);
			buf_add(b, e, 50);
			buf_u8(b, reasons[r >> 48 & 7]);
		} else
			buf_add(b, e, 37);
	}
}

static void
element(struct buf *out, uint8_t tag, struct buf *content)
{
	der_put(out, tag, content->n);
	buf_span(out, buf_bytes(content));
	buf_reset(content);
}

/* As a Let's Encrypt shard: number, IDP with one URI, user certificates. */
static void
make_crl(EVP_PKEY *key, struct span name)
{
	struct buf	t = BUF_INIT, b = BUF_INIT, c = BUF_INIT;
	EVP_MD_CTX	*x = EVP_MD_CTX_new();
	size_t		n;

	buf_add(&b, "\x02\x01\x01" ES256, 15);
	buf_span(&b, name);
	buf_str(&b, "\x17\x0d" "260610000000Z" "\x17\x0d" "260620000000Z");
	entries(&c);
	element(&b, DER_SEQ, &c);
	buf_add(&c, "\x30\x0f\x06\x03\x55\x1d\x14\x04\x08\x02\x06"
	    "\x01\x02\x03\x04\x05\x06", 17);
	buf_add(&c, "\x30\x33\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x29"
	    "\x30\x27\xa0\x22\xa0\x20\x86\x1e"
	    "http://c.bench.test/1/0000.crl" "\x81\x01\xff", 53);
	element(&t, DER_SEQ, &c);
	element(&b, 0xa0, &t);
	element(&t, DER_SEQ, &b);
	buf_span(&b, buf_bytes(&t));
	buf_add(&b, ES256, 12);
	n = 128;
	need(EVP_DigestSignInit(x, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(x, buf_room(&c, n), &n, t.p, t.n) == 1, "signing");
	c.n = n;
	der_put(&b, DER_BITS, c.n + 1);
	buf_u8(&b, 0);
	buf_span(&b, buf_bytes(&c));
	element(&crl, DER_SEQ, &b);
	buf_free(&t);
	buf_free(&b);
	buf_free(&c);
	EVP_MD_CTX_free(x);
}

static void
make_ca(void)
{
	EVP_PKEY	*key = EVP_EC_gen("P-256");
	X509		*x = X509_new();
	X509_NAME	*name = X509_get_subject_name(x);
	uint8_t		*der = NULL, *nm = NULL;
	int		 n;

	need(key != NULL && X509_NAME_add_entry_by_txt(name, "CN",
	    MBSTRING_ASC, (const uint8_t *)"bench CA", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, name) == 1 &&
	    X509_set_pubkey(x, key) == 1 &&
	    ASN1_TIME_set(X509_getm_notBefore(x), 0) != NULL &&
	    ASN1_TIME_set(X509_getm_notAfter(x), 0) != NULL &&
	    X509_sign(x, key, EVP_sha256()) > 0, "the certificate");
	n = i2d_X509(x, &der);
	buf_add(&ca, der, (size_t)n);
	n = i2d_X509_NAME(name, &nm);
	make_crl(key, (struct span){ nm, (size_t)n });
	OPENSSL_free(der);
	OPENSSL_free(nm);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* One in a thousand is listed, and at least one. */
static size_t
listed(size_t n)
{
	return (n + 999) / 1000;
}

static void
make_set(size_t n, struct buf *out)
{
	struct crlset_build	*b = crlset_new();
	uint8_t			 s[18];
	size_t			 i;

	for (i = 0; i < n; i++) {
		serial(s, i < listed(n) ? i * 97 : ENTRIES + i);
		need(crlset_add_int(b, (struct span){ s, sizeof(s) }, NULL)
		    == (long)i, "the set");
	}
	crlset_done(b, out);
}

/* --- one pass --- */

static void
begin(struct crlscan_in *in, struct crlset *set, struct span img,
    struct span issuer)
{
	memset(in, 0, sizeof(*in));
	need(crlset_open(set, img.p, img.n, NULL) == 0, "crlset_open");
	in->issuer = issuer;
	in->url = "http://c.bench.test/1/0000.crl";
	in->set = set;
	in->now = NOW;
	in->last_this = INT64_MIN;
}

static void
end(struct crlscan *s, size_t hits)
{
	struct crlscan_out	o;

	crlscan_finish(s, &o);
	if (o.fault != CRL_OK || o.nhits != hits || o.count != ENTRIES) {
		fprintf(stderr, "bench_crl: %s (%s), %zu hits instead of "
		    "%zu\n", crl_fault_name(o.fault), o.why, o.nhits, hits);
		exit(2);
	}
	crlscan_out_free(&o);
	crlscan_free(s);
}

static double
pass_scan(size_t which)
{
	struct crlscan_in	 in;
	struct crlset		 set;
	struct crlscan		*s;
	double			 t0 = made_now();
	size_t			 i;

	begin(&in, &set, buf_bytes(&image[which]), buf_bytes(&ca));
	s = crlscan_new(&in);
	for (i = 0; i < crl.n; i += PIECE)
		need(crlscan_update(s, crl.p + i, crl.n - i < PIECE ?
		    crl.n - i : PIECE, NULL) == 0, "the scan");
	end(s, listed(watched[which]));
	return made_now() - t0;
}

static double
pass_sha(void)
{
	struct sha_ctx	c;
	uint8_t		h[32];
	double		t0 = made_now();
	size_t		i;

	sha_init(&c);
	for (i = 0; i < crl.n; i += PIECE)
		sha_update(&c, crl.p + i, crl.n - i < PIECE ? crl.n - i :
		    PIECE);
	sha_final(&c, h);
	return made_now() - t0;
}

/* --- a process of its own --- */

/*
 * The highest resident memory without what is mapped of the set.  VmHWM,
 * unlike ru_maxrss, begins anew with the program.
 */
static double
peak_mib(void)
{
	char	line[256];
	FILE	*f = fopen("/proc/self/status", "r");
	long	kib = 0, set = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		(void)sscanf(line, "VmHWM: %ld", &kib);
		(void)sscanf(line, "RssShmem: %ld", &set);
	}
	if (f != NULL)
		(void)fclose(f);
	return (double)(kib - set) / 1024;
}

static struct span
map(int fd)
{
	struct stat	st;
	struct span	s = { NULL, 0 };

	need(fstat(fd, &st) == 0, "fstat");
	s.n = (size_t)st.st_size;
	s.p = mmap(NULL, s.n, PROT_READ, MAP_SHARED, fd, 0);
	need((const void *)s.p != MAP_FAILED, "mmap");
	return s;
}

static int
stream(size_t hits)
{
	static uint8_t		 piece[PIECE];
	struct crlscan_in	 in;
	struct crlset		 set;
	struct span		 img = map(3);
	struct crlscan		*s;
	ssize_t			 k;

	begin(&in, &set, img, map(4));
	s = crlscan_new(&in);
	while ((k = read(0, piece, sizeof(piece))) > 0)
		need(crlscan_update(s, piece, (size_t)k, NULL) == 0,
		    "the scan");
	end(s, hits);
	printf("%.3f\n", peak_mib());
	return 0;
}

static int
memory_file(const struct buf *b)
{
	int	fd = memfd_create("bench", 0);

	need(fd != -1 && write(fd, b->p, b->n) == (ssize_t)b->n, "memfd");
	return fd;
}

static void
child(int in, int out, int set, int cert, size_t which)
{
	char	hits[32];

	(void)snprintf(hits, sizeof(hits), "%zu", listed(watched[which]));
	/* above the places that they go to */
	in = fcntl(in, F_DUPFD, 10);
	out = fcntl(out, F_DUPFD, 10);
	set = fcntl(set, F_DUPFD, 10);
	cert = fcntl(cert, F_DUPFD, 10);
	need(dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(set, 3) == 3 &&
	    dup2(cert, 4) == 4, "dup2");
	/* a pipe whose other end the child holds never ends */
	(void)close_range(5, ~0U, 0);
	execl("/proc/self/exe", "bench_crl", "--stream", hits, NULL);
	_exit(2);
}

static double
memory(size_t which)
{
	char	text[64] = "";
	int	to[2], from[2], set = memory_file(&image[which]), status;
	int	cert = memory_file(&ca);
	size_t	i;
	ssize_t	k;
	pid_t	pid;

	need(pipe(to) == 0 && pipe(from) == 0, "pipe");
	pid = fork();
	need(pid != -1, "fork");
	if (pid == 0)
		child(to[0], from[1], set, cert, which);
	(void)close(to[0]);
	(void)close(from[1]);
	for (i = 0; i < crl.n; i += (size_t)k)
		if ((k = write(to[1], crl.p + i, crl.n - i)) <= 0)
			break;
	(void)close(to[1]);
	need(read(from[0], text, sizeof(text) - 1) > 0, "the stream");
	need(waitpid(pid, &status, 0) == pid && status == 0, "the stream");
	(void)close(from[0]);
	(void)close(set);
	(void)close(cert);
	return strtod(text, NULL);
}

/* --- figures --- */

static void
figure(const char *name, const char *unit, double *v, size_t n,
    const char *goal)
{
	qsort(v, n, sizeof(*v), made_cmp);
	printf("%-34s %-9s %9.2f %6.2f  %s\n", name, unit, v[n / 2],
	    v[n - 1] / v[0] - 1, goal);
}

int
main(int argc, char **argv)
{
	static double	sha[ROUNDS], pass[3][ROUNDS], ratio[3][ROUNDS], mem;
	char		name[64];
	size_t		i, k;

	if (argc == 3 && strcmp(argv[1], "--stream") == 0)
		return stream(strtoul(argv[2], NULL, 10));
	make_ca();
	for (k = 0; k < 3; k++)
		make_set(watched[k], &image[k]);
	for (i = 0; i < ROUNDS; i++) {
		sha[i] = pass_sha() / 1e6;
		for (k = 0; k < 3; k++) {
			pass[k][i] = pass_scan(k) / 1e6;
			ratio[k][i] = pass[k][i] / sha[i];
		}
	}
	figure("crl_sha256", "ms", sha, ROUNDS, "");
	for (k = 0; k < 3; k++) {
		(void)snprintf(name, sizeof(name), "crl_pass_%zu",
		    watched[k]);
		figure(name, "ms", pass[k], ROUNDS, "");
		(void)snprintf(name, sizeof(name), "crl_pass_%zu_over_sha256",
		    watched[k]);
		figure(name, "ratio", ratio[k], ROUNDS, "goal: at most 1.5");
	}
	for (k = 0; k < 3; k++) {
		mem = memory(k);
		(void)snprintf(name, sizeof(name), "crl_peak_%zu",
		    watched[k]);
		figure(name, "MiB", &mem, 1, ROOM);
	}
	return 0;
}
