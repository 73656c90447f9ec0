/* Records of dns-01 by hook programs, declared in acme_dns_part.h. */
#include <stdlib.h>
#include <string.h>

#include "auditor/role/acme_dns_part.h"
#include "auditor/role/dns01.h"
#include "base/clk.h"
#include "base/mem.h"

#define TICK_MS		20		/* a hook's end is seen so late */

/* Until it ends: 0, or -1 and a sentence; what it printed to *output. */
static int
hook_wait(struct dns01_run *r, const struct dns01_call *c, char **output,
    struct err *e)
{
	int	status;

	while (!dns01_run_tick(r, clk_mono(), &status))
		(void)poll(NULL, 0, TICK_MS);
	if (output != NULL) {
		free(*output);
		*output = mem_str(dns01_run_output(r));
	}
	return dns01_judge(c, status, dns01_run_late(r), dns01_run_errors(r),
	    e) == DNS01_OK ? 0 : -1;
}

/*
 * The names that the order proves, without "*.", as certbot tells them: a
 * name and its wildcard are twice the same.
 */
static size_t
names_of(const struct acme_dns_record *r, const char *v[LIMIT_DNS01_NAMES])
{
	size_t	i, n = 0;

	for (i = 0; i < r->place->nall && n < LIMIT_DNS01_NAMES; i++)
		if (!r->place->all[i].ip)
			v[n++] = r->place->all[i].text;
	return n;
}

int
acme_dns_hook(struct acme_dns *d, enum dns01_step step,
    const struct acme_dns_record *r, struct err *e)
{
	struct written		*w = acme_dns_note(d, r->value);
	const char		*names[LIMIT_DNS01_NAMES];
	struct dns01_call	 c;
	struct dns01_args	 args;
	struct dns01_run	*run = NULL;
	int			 rc = -1;

	memset(&args, 0, sizeof(args));
	memset(&c, 0, sizeof(c));
	c.convention = d->convention;
	c.step = step;
	c.program = d->conf->dns01_hook;
	c.ident = r->ident;
	c.token = r->token;
	c.keyauth = r->auth;
	c.value = r->value;
	c.all = names;
	c.nall = names_of(r, names);
	/* the cleanup is told what it was told before */
	if (step == DNS01_PRESENT)
		w->remaining = r->place->remaining;
	c.remaining = w->remaining;
	if (w->place == NULL && d->convention == DNS01_LEGO &&
	    (w->place = acme_dns_follow(d, r->owner, NULL)) == NULL)
		w->place = mem_str(r->owner);	/* as lego has it */
	c.place = w->place;
	c.output = w->output != NULL ? w->output : "";
	if (dns01_make(&c, &args, e) == 0)
		run = dns01_run_start(&args, 0, e);
	if (run != NULL)
		rc = hook_wait(run, &c, step == DNS01_PRESENT ? &w->output :
		    NULL, e);
	dns01_run_free(run);
	dns01_args_free(&args);
	return rc == 0 ? 0 : err_prefix(e, "acme.challenges.dns-01.hook");
}
