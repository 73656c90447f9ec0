#ifndef AUDITOR_CONF_H
#define AUDITOR_CONF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * The configuration (contract.md): YAML read by libyaml against a schema
 * table.  All strings are owned by the struct conf; absent ones are NULL
 * (never empty) unless a default is named here.  Durations are seconds.
 */

struct conf_strs {
	char	**v;
	size_t	  n;
};

struct conf_watch {
	char		*name;		/* as written */
	char		*owner;		/* default "" */
	char		*policy;	/* default "" */
	struct conf_strs exclude;
};

enum conf_action { CONF_PAGE, CONF_DENY, CONF_HOLD, CONF_DIGEST };

struct conf_issuer {			/* one of policy.issuers */
	char			*owner;	/* CAA identifier, or "*" */
	enum conf_action	 action;
};

struct conf_policy {
	char			*name;
	struct conf_issuer	*issuers;
	size_t			 nissuers;
	int64_t			 hold;		/* default 1800 */
	struct conf_strs	 key_types;	/* empty: any */
};

struct conf_source {
	char		*name;
	struct conf_strs names;		/* watch syntax */
	struct conf_strs issuers;
	int64_t		 until;		/* microseconds, INT64_MIN: no end */
};

struct conf_channel {
	char	*name;
	char	*kind;			/* webhook, slack, pagerduty, exec */
	char	*url;			/* webhook without secret URL */
	char	*url_file;		/* path or credential:NAME */
	char	*secret_file;
	char	*old_secret_file;	/* while rotating */
	char	*routing_key_file;
	char	*program;
};

struct conf_route {
	struct conf_strs severity, kind; /* match; empty: any */
	char		*owner;
	char		*watch;
	struct conf_strs to;
	struct conf_strs group_by;	/* kind, issuer_owner, owner, watch */
	int64_t		 group_wait;	/* seconds, default 0 */
};

/* Where a CA is asked for renewal information (RFC 9773). */
struct conf_ari {
	char		*issuer;	/* owner, or the hash of its key in hex */
	char		*url;		/* "none": nowhere */
};

/* Another that sees logs: what it was shown is compared with what we were. */
struct conf_vantage {
	char	*name;
	char	*url;			/* or: */
	char	*file;
};

/* Who cosigns checkpoints, and may be believed to have looked. */
struct conf_witness {
	char	*name;
	char	*key;			/* NAME+HASH+BASE64 */
};

/* What `run` keeps alive. */
struct conf_managed {
	struct conf_strs names;
	char		*challenge;	/* NULL: the first that is configured */
	char		*key;		/* "p256" */
	char		*profile;	/* NULL: acme.profile */
	int		 require_profile;	/* 1: nothing without it */
	int		 reuse_key;	/* 1: the same at each renewal */
};

struct conf {
	char		*path;		/* the file, or NULL: defaults */
	char		*database;	/* "embedded" or a connection string */
	char		*state_dir;
	char		*contact;
	char		*log_list_url;	/* "default", a URL; NULL with a file */
	char		*log_list_file;
	char		*log_list_key;	/* "builtin", "none" or a PEM file */
	char		*apple_list_url;/* "default", "none" or a URL */
	int64_t		 poll;		/* 60 */
	int		 start_now;	/* 1: start: now; 0: beginning */
	int		 workers;	/* 0: auto */
	int64_t		 worker_lease;	/* 30 */
	int64_t		 fetch_max_rate;/* bytes per second, 0: no cap */
	char		*fetch_ca_file;
	int64_t		 fetch_cache;	/* bytes on disk, 0: none */
	struct conf_strs source_addresses;	/* none: the system's choice */
	struct conf_strs egress_allow_private;
	struct conf_watch *watch;
	size_t		 nwatch;
	char		*watch_file;
	struct conf_policy *policies;
	size_t		 npolicies;
	struct conf_source *sources;
	size_t		 nsources;
	struct conf_channel *channels;
	size_t		 nchannels;
	struct conf_route *routes;
	size_t		 nroutes;
	char		*heartbeat_url;
	char		*heartbeat_url_file;
	int64_t		 heartbeat_every;	/* 60 */
	char		*digest_at;		/* "08:00" or NULL */
	struct conf_strs digest_to;
	char		*ccadb_csv;		/* issuer owners, or NULL */
	int64_t		 audit_every;		/* 3600 */
	int64_t		 retain_certificates;	/* seconds behind not_after */
	int64_t		 retain_deliveries;	/* seconds behind done_at */
	int64_t		 audit_unreachable;	/* seconds, 21600 */
	struct conf_strs audit_send;		/* channels of the report */
	char		*audit_roots;		/* PEM: more roots */
	char		*audit_certdata;	/* Mozilla's certdata.txt */
	char		*audit_ccadb_pems;	/* AllCertificatePEMs CSV */
	char		*audit_weak_keys;	/* openssl-blacklist format */
	struct conf_strs audit_resolvers;	/* of CAA; none: the system's */
	struct conf_ari	*audit_ari;
	size_t		 naudit_ari;
	struct conf_vantage *vantage;
	size_t		 nvantage;
	struct conf_witness *witnesses;
	size_t		 nwitnesses;
	char		*acme_directory;	/* "letsencrypt", ... or a URL */
	char		*acme_ca_file;		/* PEM: roots of its TLS */
	struct conf_strs acme_hosts;		/* others that its URLs may have */
	int		 acme_no_ct;		/* 1: ct: false */
	int		 acme_when_alert;	/* 1: when_revoked: alert */
	char		*acme_email;
	char		*acme_eab_kid;
	char		*acme_eab_key_file;
	char		*acme_profile;
	char		*acme_key_passphrase;	/* file: of the keys' files */
	char		*http01_listen;		/* "0.0.0.0:80" */
	char		*http01_webroot;
	char		*dns01_server;		/* of RFC 2136 */
	char		*dns01_key_name;
	char		*dns01_algorithm;	/* "hmac-sha256" */
	char		*dns01_secret_file;
	char		*dns01_hook;
	char		*dns01_convention;	/* "uacme" */
	char		*dns01_acmedns_url;
	char		*dns01_acmedns_file;	/* its accounts */
	struct conf_strs dns01_check;		/* a word, or resolvers; none:
						   "authoritative" */
	struct conf_strs dns01_resolvers;
	int		 dns_account01;		/* 1: as dns-01 is placed */
	int		 dns_persist01;		/* 1: it is there */
	char		*persist_place;		/* "person", "dns-01" */
	int64_t		 persist_until;		/* us, INT64_MIN: no end */
	char		*alpn01_listen;
	char		*deploy_dir;		/* NULL: STATE_DIR/live */
	char		*deploy_hook;
	struct conf_managed *managed;
	size_t		 nmanaged;
	int		 respond_approvals;	/* 1 */
	char		*canary_name;		/* NULL: none */
	int64_t		 canary_within;		/* seconds, 1800 */
	int64_t		 canary_every;		/* seconds, 0: nobody orders */
};

/*
 * Find and read the configuration: ${path} or, when NULL, the places that
 * contract.md names; none of them there gives the defaults.  Checks all of
 * it; the first fault is ERR_CONF with file:line:column, the key and the
 * nearest known one.  Relative paths are taken from the file's folder.
 */
struct conf *conf_load(const char *, struct err *);

/*
 * The same for ${n} bytes of text that were read from ${name} (for messages,
 * and for the folder of relative paths; NULL: this text came from nowhere).
 */
struct conf *conf_parse(const char *text, size_t n, const char *name,
    struct err *);

/* The defaults alone. */
struct conf *conf_default(void);

/*
 * Where `init` puts a configuration: ${path}, else $CERTVIGIL_CONFIG, else
 * for root and the system user /etc/certvigil/certvigil.yaml, else
 * $XDG_CONFIG_HOME/certvigil/certvigil.yaml.  Freed by the caller.
 */
char *conf_place(const char *path);

void conf_free(struct conf *);

/* The policy by name; NULL when there is none. */
const struct conf_policy *conf_policy(const struct conf *, const char *);

/*
 * Read a secret: a path, or credential:NAME below $CREDENTIALS_DIRECTORY.
 * Trailing newlines are cut.  Returns a string that the caller wipes and
 * frees, or NULL with ERR_CONF.
 */
char *conf_secret(const char *, struct err *);

/*
 * Root, before it becomes the system user: keep the text of every secret of
 * this configuration, so that conf_secret() has it although only root may
 * read the file.  A file that can be read later is read again.  One that is
 * missing is no error here, and one that ${user} could have exchanged
 * (file_theirs()) is left to that user.
 */
void conf_secret_preload(const struct conf *, uid_t user);

/*
 * Hand what was kept to a child that was executed anew: append it to a
 * message; take it from one (0, or -1 ERR_FORMAT); wipe and forget it.
 */
void conf_secret_pack(struct buf *);
int conf_secret_unpack(struct cur, struct err *);
void conf_secret_forget(void);

#endif
