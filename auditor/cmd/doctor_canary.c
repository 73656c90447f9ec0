#include "auditor/canary_state.h"
#include "auditor/cmd/doctor.h"

void
doctor_canary(struct doctor *d)
{
	static const enum doctor_health	h[] = { DOCTOR_OK, DOCTOR_WARN,
					    DOCTOR_FAIL };
	struct cmd_ctx			*ctx = d->ctx;
	struct canary_state		 s;
	struct buf			 b = BUF_INIT;
	struct err			 e = ERR_INIT;
	int				 rc;

	if (ctx->conf->canary_name == NULL) {
		doctor_say(d, DOCTOR_OK, "canary", "none; canary.name has the "
		    "whole way from a CA to here tested");
		return;
	}
	if (canary_state_load(ctx->db, ctx->conf, &s, &e) == -1)
		doctor_say(d, DOCTOR_FAIL, "database", "%s", e.msg);
	else {
		rc = canary_state_say(&s, &b);
		d->more = canary_state_json(&s);
		doctor_say(d, h[rc], "canary", "%s", buf_text(&b));
	}
	canary_state_free(&s);
	buf_free(&b);
}
