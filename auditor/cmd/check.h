#ifndef AUDITOR_CMD_CHECK_H
#define AUDITOR_CMD_CHECK_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/caa.h"
#include "auditor/cmd/cmd.h"
#include "auditor/role/fetch_client.h"
#include "auditor/role/judge_audit.h"
#include "auditor/role/probe_client.h"
#include "ocsp/rev.h"

/*
 * Judging one certificate without a database: what a file has, or what a host
 * serves.  Hostile bytes are read in boxes (cmd/box.h); the network is seen
 * by the fetch and the probe process only.
 */

#define CHECK_FINDINGS	32
#define CHECK_ASK_MS	10000	/* a question to the network */
#define CHECK_CRL_MS	60000	/* a CRL from there */

/* A source of revocation, as it was asked. */
struct check_source {
	enum rev_kind	 kind;
	char		*where;		/* URL or file; owned */
	int		 is_file;
	int		 required;
	int		 part;		/* of CCADB's list */
	enum rev_status	 status;
	int		 reason;
	int64_t		 stated_at;
	char		 refusal[256];
};

struct check_find {
	const char	*kind;
	const char	*severity;
	char		 reason[400];
	int		 bad;		/* counts for exit status 2 */
};

struct check {
	struct conf		*conf;
	/* what was asked for */
	int			 offline, plugin, json, quiet;
	int64_t			 at;
	const char		*name;		/* NULL: none */
	const char *const	*crl;
	const char *const	*ocsp;
	size_t			 ncrl, nocsp;
	/* what is trusted */
	struct roots		**programs;
	size_t			 nprograms;
	struct buf		 list;		/* log list v3, JSON */
	struct buf		 list_sig;	/* of one that was fetched */
	int			 list_fetched;	/* its signature is checked */
	char			 list_why[256];	/* there is none, and why */
	/* the certificate */
	const char		*target;
	char			*host;		/* NULL: a file; owned */
	uint16_t		 port;
	enum probe_starttls	 starttls;
	char			 addr[64];
	char			 tls[16];
	struct buf		 file;		/* bytes with certificates */
	struct buf		 extra;		/* more of them (intermediates) */
	struct buf		 more;		/* and from AIA: DER, vec32 each */
	struct buf		 tls_scts, ocsp_scts, staple;
	struct buf		 raw;		/* what the box said */
	struct buf		 pool;		/* the certificates, packed */
	struct span		 cert[LIMIT_POOL];	/* into pool; [0] it */
	size_t			 ncert;
	struct judge_cert	 said;
	int			 have;
	int			 incomplete;	/* needed AIA */
	/* revocation, inclusion, CAA */
	struct check_source	*source;	/* owned */
	size_t			 nsource, capsource;
	struct rev		 rev;
	char			 included[LIMIT_SCTS][200];	/* "": not asked */
	int			 inclusion[LIMIT_SCTS]; /* 1, 0 absent, -1 */
	struct caa_set		 caa;
	int			 caa_said;	/* 1 allowed, 0 not, -1 */
	char			 caa_why[256];
	/* the end */
	struct check_find	 find[CHECK_FINDINGS];
	size_t			 nfind;
	int			 unchecked;	/* something could not be */
	/* children, as they are needed */
	struct fetch_client	*fetch, *logs;
	struct probe_client	*probe;
};

/* check_box.c: in boxes; 0, or -1 with the error. */
int check_look(struct check *, struct err *);
long check_aia(struct check *, struct span body, struct err *);
int check_crl(struct check *, struct check_source *, int fd, struct err *);
int check_ocsp(struct check *, struct check_source *, struct span body,
    struct err *);
int check_head(const struct loglist_log *, struct span body, uint64_t *size,
    uint8_t root[32], uint64_t *timestamp_ms, struct err *);
int check_incl(struct incl *, const int *status, const struct span *, size_t,
    struct err *);
int check_list(struct check *, struct loglist **, struct err *);

/* check_net.c: what the network is asked. */
int check_serve(struct check *, struct err *);	/* the target's TLS */
void check_fetch_list(struct check *);
int check_issuers(struct check *);		/* AIA: how many were new */
void check_inclusion(struct check *);
void check_caa(struct check *);
void check_net_free(struct check *);

/* The fetch process of that class; NULL and err. */
struct fetch_client *check_fetcher(struct check *, enum egress_class,
    struct err *);
/* Wait for the answer to the one question: 0 or -1. */
int check_hear(struct fetch_client *, struct fetch_done *, struct err *);
/* Why there is no body. */
void check_why_not(const struct fetch_done *, char *out, size_t cap);
/*
 * Ask; the body is appended to ${out}.  *status is HTTP's, 0: not reached.  0,
 * or -1 and why, also with another status than 200.
 */
int check_ask(struct check *, enum egress_class, const struct fetch_get *,
    struct buf *out, int *status, char *why, size_t cap);

/* check_rev.c: revocation, by files, URLs and the staple. */
void check_sources(struct check *);

/* check_say.c: findings and words. */
void check_judge(struct check *);
json_t *check_json(const struct check *);
void check_text(const struct check *, struct buf *);
/* One line of a monitoring plugin; returns its status, 0 to 3. */
int check_plugin(const struct check *, struct buf *);
/* 0 fine, 1 something could not be checked, 2 bad. */
int check_exit(const struct check *);
/*
 * Of several targets, is status ${a} the one to exit with rather than ${b}?  64
 * and above speak of the command, then 2, then 1; a plugin's 2 (CRITICAL)
 * comes before its 3 (UNKNOWN), and that before 1.
 */
int check_worse(int a, int b, int plugin);

/* The certificate that signed it; p NULL: not at hand. */
struct span check_issuer(const struct check *);

#endif
