/* Records of dns-01 by acme-dns, declared in acme_dns_part.h. */
#include <stdlib.h>
#include <string.h>

#include "auditor/acmedns.h"
#include "auditor/ipc.h"
#include "auditor/role/acme_dns_part.h"
#include "auditor/role/children.h"
#include "auditor/role/fetch_client.h"
#include "base/clk.h"
#include "base/mem.h"

#define TIMEOUT_MS	30000u
#define ACMEDNS		"acme.challenges.dns-01.acme_dns"

/* The account of a name. */
static int
account(const struct acme_dns *d, const char *ident, struct acmedns *a,
    struct err *e)
{
	const char	*url = d->conf->dns01_acmedns_url;
	struct err	 why = ERR_INIT;
	char		*text = conf_secret(d->conf->dns01_acmedns_file, &why);
	int		 rc = -1;

	if (text != NULL) {
		rc = acmedns_read((struct span){ (const uint8_t *)text,
		    strlen(text) }, ident, a, &why);
		mem_wipe(text, strlen(text));
	}
	free(text);
	if (rc == 0)
		return 0;
	if (why.code == ERR_NOENT)
		return err_set(e, ERR_CONF, ACMEDNS ".storage_file: there is "
		    "no account for %.120s; register one (curl -X POST "
		    "%.120s/register) and put the answer there as the value of "
		    "\"%.120s\"", ident, url, ident);
	return err_set(e, why.code, ACMEDNS ".storage_file: %s", why.msg);
}

/* Does the CNAME lead to it?  Not asked when nothing is to be looked at. */
static int
leads(struct acme_dns *d, const struct acmedns *a, const char *owner,
    struct err *e)
{
	char	*to;
	int	 rc;

	if (d->mode == DNSCHECK_NONE)
		return 0;
	if ((to = acme_dns_follow(d, owner, e)) == NULL)
		return err_prefix(e, ACMEDNS);
	rc = acmedns_place(a, owner, to, e);
	free(to);
	return rc;
}

/* The answer to the only request that is under way: 0 or -1. */
static int
answer(struct fetch_client *f, struct fetch_done *done, struct err *e)
{
	int64_t		end = clk_mono() + 2 * TIMEOUT_MS * (CLK_SEC / 1000);
	struct pollfd	p;
	int		rc;

	while (clk_mono() < end) {
		if (fetch_client_turn(f, e) == -1 ||
		    (rc = fetch_client_next(f, done, e)) == -1)
			return -1;
		if (rc == 1)
			return 0;
		p.fd = ipc_fd(fetch_client_ipc(f));
		p.events = (short)(POLLIN |
		    (ipc_wants_write(fetch_client_ipc(f)) ? POLLOUT : 0));
		acme_dns_wait(&p, 1, end);
	}
	return err_set(e, ERR_SYS, "the fetch process hangs");
}

/* Our own fault, of which another try is not a failure of the name. */
static int
broken(struct acme_dns *d, struct err *e)
{
	fetch_client_free(d->fetch);
	d->fetch = NULL;
	if (e != NULL)
		e->code = ERR_SYS;
	return -1;
}

static int
post(struct acme_dns *d, const struct acmedns *a, const char *url,
    const struct message_req *req, const char *value, struct err *e)
{
	struct fetch_done	done;
	struct fetch_get	g;

	if (d->fetch == NULL &&
	    (d->fetch = children_fetch(d->conf, EGRESS_ACME, e)) == NULL)
		return -1;
	memset(&g, 0, sizeof(g));
	g.cap = LIMIT_ACMEDNS;
	g.timeout_ms = TIMEOUT_MS;
	g.method = "POST";
	g.url = url;
	for (; g.nheaders < req->nheaders; g.nheaders++)
		g.headers[g.nheaders] = req->headers[g.nheaders];
	g.body = buf_bytes(&req->body);
	(void)fetch_client_get(d->fetch, &g);
	if (answer(d->fetch, &done, e) == -1)
		return broken(d, e);
	if (done.failure != FETCH_OK)
		return err_set(e, ERR_NET, ACMEDNS ": %.160s: %s: %s", url,
		    fetch_failure_name(done.failure), done.message);
	return acmedns_said(a, done.status, done.body, value, e) == 0 ? 0 :
	    err_prefix(e, ACMEDNS);
}

int
acme_dns_web(struct acme_dns *d, const struct acme_dns_record *r,
    struct err *e)
{
	struct message_req	 req;
	struct acmedns		 a;
	struct buf		 url = BUF_INIT;
	int			 rc = -1;

	memset(&req, 0, sizeof(req));
	if (account(d, r->ident, &a, e) == -1)
		return -1;
	if (leads(d, &a, r->owner, e) == 0 && acmedns_update(&a,
	    d->conf->dns01_acmedns_url, r->value, &url, &req, e) == 0)
		rc = post(d, &a, buf_text(&url), &req, r->value, e);
	message_req_free(&req);
	buf_free(&url);
	acmedns_free(&a);
	return rc;
}
