#include "auditor/role/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <libdeflate.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/judge_ari.h"
#include "auditor/role/judge_audit.h"
#include "auditor/role/judge_gossip.h"
#include "auditor/sandbox.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "ctlog/page.h"
#include "pki/weak.h"

/* How often judges that ended are reaped when nothing else happens. */
#define REAP_MS	2000

/*
 * The template and the loop of a judge.  The template maps the watch set,
 * warms what OpenSSL loads lazily (a judge may open no file), enters its
 * sandbox, and from then on only forks.
 */

void
judge_ok(struct judge *j, uint64_t id)
{
	struct judge_reply	r = { id, 1, ERR_NONE, "" };

	buf_reset(&j->out);
	judge_reply_pack(&j->out, &r);
}

int
judge_body(struct judge *j, const struct judge_ext *x, size_t cap,
    struct span *out, struct err *e)
{
	static struct libdeflate_decompressor	*z;
	enum libdeflate_result			 r;
	size_t					 n, room;

	if (x->off > j->narena || x->len > j->narena - x->off)
		return err_set(e, ERR_FORMAT, "no such extent");
	out->p = j->arena + x->off;
	out->n = x->len;
	if (!x->gzip) {
		if (out->n > cap)
			return err_set(e, ERR_LIMIT,
			    "body of %zu bytes, at most %zu", out->n, cap);
		return 0;
	}
	if (z == NULL && (z = libdeflate_alloc_decompressor()) == NULL)
		return err_set(e, ERR_SYS, "libdeflate");
	/* the output's size is ours, so that no bomb can grow */
	for (room = (size_t)x->len * 6 + 4096;; room *= 4) {
		if (room > cap)
			room = cap;
		buf_reset(&j->inflated);
		(void)buf_room(&j->inflated, room);
		r = libdeflate_gzip_decompress(z, out->p, out->n,
		    j->inflated.p, room, &n);
		if (r != LIBDEFLATE_INSUFFICIENT_SPACE || room == cap)
			break;
	}
	if (r == LIBDEFLATE_INSUFFICIENT_SPACE) {
		/* it would stay for the judge's life */
		buf_free(&j->inflated);
		return err_set(e, ERR_LIMIT, "body inflates to more than %zu "
		    "bytes", cap);
	}
	if (r != LIBDEFLATE_SUCCESS)
		return err_set(e, ERR_FORMAT, "body is not gzip (RFC 1952)");
	out->p = j->inflated.p;
	out->n = n;
	return 0;
}

/* Take note of which log this is. */
static int
set_log(struct judge *j, struct cur *c, struct err *e)
{
	struct judge_log	l;

	if (judge_log_read(c, &l) == -1)
		return err_set(e, ERR_FORMAT, "bad request");
	j->protocol = l.protocol;
	buf_reset(&j->key);
	buf_span(&j->key, l.key);
	free(j->origin);
	j->origin = mem_str(l.origin);
	return 0;
}

/* Carry out one message; the answer, if any, is in j->out. */
static int
handle(struct judge *j, struct ipc *ipc, struct ipc_msg *m, uint64_t *id,
    struct err *e)
{
	struct judge_page	p;

	*id = 0;
	if (cur_u64(&m->body, id) == -1)
		return err_set(e, ERR_FORMAT, "bad request");
	switch (m->type) {
	case JUDGE_LOG:
		return set_log(j, &m->body, e);
	case JUDGE_HEAD:
		return judge_do_head(j, &m->body, *id, e);
	case JUDGE_PAGE:
	case JUDGE_RAW:
		if (judge_page_read(&m->body, &p) == -1)
			return err_set(e, ERR_FORMAT, "bad request");
		return m->type == JUDGE_RAW ? judge_do_raw(j, &p, *id, e) :
		    judge_do_page(j, &p, *id, e);
	case JUDGE_PROOF:
		return judge_do_proof(j, &m->body, *id, e);
	case JUDGE_ISSUER:
		return judge_do_issuer(j, &m->body, *id, e);
	case JUDGE_SIGNED:
		return judge_do_signed(j, &m->body, *id, e);
	case JUDGE_LIST:
		return judge_do_list(j, &m->body, *id, e);
	case JUDGE_LOGS:
		return judge_do_logs(j, &m->body, *id, e);
	case JUDGE_TRUST:
		return judge_do_trust(j, &m->body, e);
	case JUDGE_CERT:
		return judge_do_cert(j, &m->body, *id, e);
	case JUDGE_CRL:
		return judge_do_crl(j, ipc, m, *id, e);
	case JUDGE_OCSP:
		return judge_do_ocsp(j, &m->body, *id, e);
	case JUDGE_INCL:
		return judge_do_incl(j, &m->body, *id, e);
	case JUDGE_AIA:
		return judge_do_aia(j, &m->body, *id, e);
	case JUDGE_KEYS:
		return judge_do_keys(j, &m->body, *id, e);
	case JUDGE_WITNESS:
		return judge_do_witness(j, &m->body, e);
	case JUDGE_GOSSIP:
		return judge_do_gossip(j, &m->body, *id, e);
	case JUDGE_ARI:
		return judge_do_ari(j, &m->body, *id, e);
	default:
		return err_set(e, ERR_FORMAT, "unknown request");
	}
}

/* A judge: answer until the engine closes the socket. */
static _Noreturn void
serve(struct judge *j, int fd)
{
	struct ipc		*ipc = ipc_new(fd);
	struct ipc_msg		 m;
	struct judge_reply	 r;
	struct err		 e = ERR_INIT;
	uint64_t		 id;

	if (sandbox_enter(SANDBOX_JUDGE, &e) == -1)
		_exit(1);
	while (ipc_recv(ipc, &m, -1, NULL) == 1) {
		err_clear(&e);
		buf_reset(&j->out);
		if (handle(j, ipc, &m, &id, &e) == -1) {
			r = (struct judge_reply){ id, 0, e.code, e.msg };
			buf_reset(&j->out);
			judge_reply_pack(&j->out, &r);
		}
		if (m.type != JUDGE_LOG && m.type != JUDGE_TRUST &&
		    m.type != JUDGE_WITNESS)
			ipc_send(ipc, JUDGE_REPLY, &j->out, NULL, 0);
		if (ipc_flush(ipc, NULL) == -1)
			break;
		while (ipc_wants_write(ipc)) {
			struct pollfd	p = { ipc_fd(ipc), POLLOUT, 0 };

			(void)poll(&p, 1, -1);
			if (ipc_flush(ipc, NULL) == -1)
				_exit(0);
		}
	}
	_exit(0);
}

const uint8_t *
judge_map(int fd, uint64_t size)
{
	struct stat	 st;
	void		*p;
	int		 seals = fcntl(fd, F_GET_SEALS);

	if (size == 0 || seals == -1 || (seals & F_SEAL_SHRINK) == 0 ||
	    fstat(fd, &st) == -1 || (uint64_t)st.st_size < size)
		return NULL;
	p = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* Fork a judge for the socket and arena that came with the message. */
static int
spawn(struct judge *j, struct ipc *ipc, struct ipc_msg *m)
{
	struct buf	b = BUF_INIT;
	uint64_t	size;
	pid_t		pid, template = getpid();
	int		sock, arena;

	sock = ipc_take_fd(ipc, 0);
	arena = ipc_take_fd(ipc, 1);
	if (cur_u64(&m->body, &size) == -1 || sock == -1 || arena == -1)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != template)
			_exit(1);
		(void)close(ipc_fd(ipc));
		j->arena = judge_map(arena, size);
		j->narena = size;
		(void)close(arena);
		if (j->arena == NULL)
			_exit(1);
		proc_title("cv:judge");
		serve(j, sock);
	}
	(void)close(sock);
	(void)close(arena);
	/* 0: there is no room for one more process now */
	buf_u32(&b, pid > 0 ? (uint32_t)pid : 0);
	ipc_send(ipc, JUDGE_READY, &b, NULL, 0);
	buf_free(&b);
	return 0;
}

/* Map the watch set; it stays for the life of the template. */
static int
watches(struct judge *j, struct ipc *ipc, struct ipc_msg *m, struct err *e)
{
	struct buf	 b = BUF_INIT;
	const uint8_t	*p;
	uint64_t	 size;
	int		 fd = ipc_take_fd(ipc, 0);

	if (cur_u64(&m->body, &size) == -1 || fd == -1 ||
	    (p = judge_map(fd, size)) == NULL)
		return err_set(e, ERR_FORMAT, "watch set cannot be mapped");
	(void)close(fd);
	/* the engine has made it, sealed it, and shown it to nobody else */
	if (watch_open_own(&j->watches, p, (size_t)size, e) == -1)
		return -1;
	buf_u32(&b, 0);
	ipc_send(ipc, JUDGE_READY, &b, NULL, 0);
	buf_free(&b);
	return 0;
}

/*
 * Have OpenSSL load what it loads on first use, from its configuration file
 * to its decoders: later there are no files.
 */
static void
warm(void)
{
	static const char	 pem[] = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1/"
	    "TMabLkDpCjiupacAlP7xNi0I1JYP8bQFAHDG1xhtolSY1l4QgNRzRrvSe8liE+"
	    "NPWHdjGxfx3JhTsN9x8/6Q==";
	struct buf		 key = BUF_INIT;
	const unsigned char	*p;
	EVP_PKEY		*pkey;
	EVP_MD_CTX		*ctx = EVP_MD_CTX_new();

	(void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	json_object_seed(0);
	(void)enc_unb64(pem, sizeof(pem) - 1, &key);
	p = key.p;
	pkey = d2i_PUBKEY(NULL, &p, (long)key.n);
	if (ctx != NULL && pkey != NULL && EVP_DigestVerifyInit(ctx, NULL,
	    EVP_sha256(), NULL, pkey) == 1)
		(void)EVP_DigestVerify(ctx, key.p, 8, key.p, key.n);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	buf_free(&key);
}

int
judge_main(void)
{
	struct judge	 j;
	struct ipc	*ipc;
	struct ipc_msg	 m;
	struct err	 e = ERR_INIT;
	int		 r;

	memset(&j, 0, sizeof(j));
	proc_enter("judge", 0);
	log_open("judge", LOG_WARN);
	warm();
	j.page = page_new();
	ipc = ipc_new(PROC_CHANNEL);
	if (sandbox_enter(SANDBOX_JUDGE_TEMPLATE, &e) == -1) {
		log_error(NULL, "sandbox: %s", e.msg);
		return 1;
	}
	while ((r = ipc_recv(ipc, &m, REAP_MS, &e)) != -1) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (r == 0)
			continue;
		if (m.type == JUDGE_WATCH) {
			if (watches(&j, ipc, &m, &e) == -1)
				break;
		} else if (m.type == JUDGE_ROOTS) {
			if (judge_do_roots(&j, &m.body, &e) == -1)
				break;
		} else if (m.type == JUDGE_WEAK) {
			if (judge_do_weak(&j, ipc, &m, &e) == -1)
				break;
		} else if (m.type != JUDGE_FORK || spawn(&j, ipc, &m) == -1)
			break;
		if (ipc_flush(ipc, NULL) == -1)
			break;
	}
	if (e.code != ERR_NONE && e.code != ERR_NOENT)
		log_error(NULL, "%s", e.msg);
	page_free(j.page);
	judge_roots_free(j.programs, j.nprograms);
	weak_list_free(j.weak);
	ipc_free(ipc);
	/* the engine has closed their sockets as well */
	while (waitpid(-1, NULL, 0) > 0)
		;
	return e.code == ERR_NONE || e.code == ERR_NOENT ? 0 : 1;
}
