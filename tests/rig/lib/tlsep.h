#ifndef RIG_TLSEP_H
#define RIG_TLSEP_H

#include <pthread.h>

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/err.h"

/* One endpoint of tlssrv: a port, what it serves, how it lies. */

enum tls_lie_id {
	TLS_STALL, TLS_RESET, TLS_EOF, TLS_SLOW, TLS_GARBAGE, TLS_PLAIN,
	TLS_ALERT, TLS_HUGE, TLS_BANNER, TLS_NOSTARTTLS, TLS_REFUSE,
	TLS_INJECT, TLS_LIES
};

struct tls_lie {
	int		 on;
	long		 n;
	long		 times;		/* still to be told; -1: for ever */
	char		 mode[16];
	uint64_t	 told;
};

/* What is served: made anew when a file changes. */
struct tls_offer {
	SSL_CTX		*ctx;
	struct buf	 staple;	/* OCSP response, or empty */
	struct buf	 scts;		/* SCT list, or empty */
	char		 sni[256];	/* "": any */
	int		 refs;
};

struct tlsep {
	char		 name[64];
	char		 addr[32];
	char		 port_text[64];	/* a number, or @NAME */
	char		 cert[512], key[512], staple[512], scts[512];
	char		 chain[16];	/* full or none */
	char		 tls[8];	/* 1.2, 1.3, or any */
	char		 starttls[8];	/* smtp, imap, or none */
	char		 sni[256];
	int		 fd, port;
	struct tls_offer *offer;
	struct tls_lie	 lies[TLS_LIES];
	uint64_t	 connections, handshakes;
	char		 last_sni[256];
	pthread_mutex_t	 lock;
};

/* Read "NAME[,opt=value]..." (README.md). */
int tlsep_options(struct tlsep *, const char *, struct err *);

/* Set one option; -1: there is none of that name. */
int tlsep_set(struct tlsep *, const char *, const char *);

/* Listen and serve in threads of its own, until the process ends. */
int tlsep_start(struct tlsep *, int, struct err *);

/* Read the files again.  The lock is not held. */
int tlsep_load(struct tlsep *, struct err *);

/* What is offered now, held; give it back. */
struct tls_offer *tlsep_hold(struct tlsep *);
void tlsep_drop(struct tls_offer *);

/* The lies of one connection, counted. */
void tlsep_tell(struct tlsep *, struct tls_lie [static TLS_LIES]);

/* Set a lie by its arguments (lie, on, n, times, mode). */
int tlsep_lie(struct tlsep *, const char *, struct err *);

/* The name of a lie. */
const char *tlsep_lie_name(enum tls_lie_id);

#endif
