#include "auditor/cmd/run_ports.h"

#include <unistd.h>

#include "base/log.h"

static void
take(struct run_ports *p, enum challenge_kind kind, const char *text)
{
	struct err	e = ERR_INIT;

	/* what another user may have is opened when it is needed */
	if (text == NULL || geteuid() != 0 || p->systemd.n[kind] != 0 ||
	    !challenge_listen_low(text))
		return;
	if (challenge_listen_bind(&p->own, kind, text, &e) == -1)
		log_warn("acme", "%s; nothing can be renewed by %s", e.msg,
		    challenge_kind_name(kind));
}

int
run_ports_open(struct run_ports *p, const struct conf *c, struct err *e)
{
	if (challenge_listen_systemd(&p->systemd, e) == -1)
		return -1;
	if (c->http01_webroot == NULL)
		take(p, CHALLENGE_HTTP, c->http01_listen);
	take(p, CHALLENGE_TLS, c->alpn01_listen);
	return 0;
}

void
run_ports_close(struct run_ports *p)
{
	challenge_listen_close(&p->own);
	challenge_listen_close(&p->systemd);
}

size_t
run_ports_fds(const struct run_ports *p, int number,
    struct proc_fd out[RUN_PORTS_MAX], size_t n[CHALLENGE_KINDS])
{
	const struct challenge_listen	*l[2] = { &p->own, &p->systemd };
	enum challenge_kind		 kind;
	size_t				 all = 0, i, k;

	for (kind = 0; kind < CHALLENGE_KINDS; kind++) {
		n[kind] = 0;
		for (i = 0; i < 2; i++)
			for (k = 0; k < l[i]->n[kind]; k++, all++, n[kind]++)
				out[all] = (struct proc_fd){ l[i]->fd[kind][k],
				    number + (int)all };
	}
	return all;
}

void
run_ports_rest(struct run_ports *p)
{
	challenge_listen_rest(&p->own);
}
