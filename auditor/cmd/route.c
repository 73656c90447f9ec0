#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/alert/route.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/conf_table.h"
#include "auditor/db/outbox.h"

extern const struct cmd cmd_route;

/* The configuration's watch that covers the name, where none was given. */
static void
find_watch(const struct conf *conf, struct route_facts *f)
{
	struct route_facts try;
	size_t i;

	for (i = 0; f->watch[0] == '\0' && i < conf->nwatch; i++) {
		try = *f;
		if (!route_covers(conf->watch[i].name, &try))
			continue;
		f->watch = conf->watch[i].name;
		if (f->owner[0] == '\0' && conf->watch[i].owner != NULL)
			f->owner = conf->watch[i].owner;
	}
}

static void
print_text(const struct route_facts *f, const json_t *o)
{
	const json_t *to, *c;
	size_t i;
	char *name;

	name = cmd_clean(f->name);
	printf("%s, %s, %s%s%s%s%s\n", name, f->kind, f->severity,
	    f->watch[0] != '\0' ? ", watch " : "", f->watch,
	    f->owner[0] != '\0' ? ", owner " : "", f->owner);
	free(name);
	if (json_is_integer(json_object_get(o, "route")))
		printf("route     number %lld\n", (long long)
		    json_integer_value(json_object_get(o, "route")));
	else
		printf("route     none takes it: every channel\n");
	to = json_object_get(o, "channels");
	if (json_array_size(to) == 0)
		printf("channels  none: nobody hears of it; \"certvigil "
		    "channel add\" adds one\n");
	for (i = 0; i < json_array_size(to); i++) {
		c = json_array_get(to, i);
		printf("%s%s (%s%s)\n", i == 0 ? "channels  " : "          ",
		    message_get(c, "name"), message_get(c, "kind"),
		    strcmp(message_get(c, "state"), "disabled") == 0 ?
		    ", disabled" : "");
	}
	if (json_is_string(json_object_get(o, "group")))
		printf("group     %s, for %lld s\n", message_get(o, "group"),
		    (long long)json_integer_value(json_object_get(o,
		    "group_wait")));
	if (json_is_integer(json_object_get(o, "silence")))
		printf("silence   %lld mutes it\n", (long long)
		    json_integer_value(json_object_get(o, "silence")));
}

static int
test(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct route_facts f;
	struct opt_list rest = { NULL, 0, 0 };
	struct err e = ERR_INIT;
	json_t *o;
	int rc;
	const struct opt opts[] = {
		{ "--kind", NULL, &f.kind, NULL },
		{ "--severity", NULL, &f.severity, NULL },
		{ "--owner", NULL, &f.owner, NULL },
		{ "--watch", NULL, &f.watch, NULL },
		{ "--issuer", NULL, &f.issuer_owner, NULL },
	};

	memset(&f, 0, sizeof(f));
	f.subject = f.owner = f.watch = f.issuer_owner = "";
	f.severity = "critical";
	rc = opt_parse(&cmd_route, opts, sizeof(opts) / sizeof(opts[0]), argc,
	    argv, &rest);
	if (rc == 0 && (rest.n != 1 || f.kind == NULL))
		rc = cmd_usage(&cmd_route, "test needs a NAME and --kind");
	else if (rc == 0 && route_severity(f.severity) == -1)
		rc = cmd_usage(&cmd_route, "there is no severity %s",
		    f.severity);
	if (rc == 0 && conf_table_kind(f.kind, &e) == -1)
		rc = cmd_fail(&e);
	if (rc == 0) {
		f.name = rest.v[0];
		find_watch(ctx->conf, &f);
		if (cmd_db(ctx, &e) == -1 ||
		    (o = outbox_explain(ctx->db, &f, &e)) == NULL)
			rc = cmd_fail(&e);
		else if (ctx->json)
			cmd_json(o);
		else {
			print_text(&f, o);
			json_decref(o);
		}
	}
	free(rest.v);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "test", test },
		{ NULL, NULL },
	};

	return verb_run(&cmd_route, verbs, ctx, argc, argv);
}

const struct cmd cmd_route = {
	.name = "route",
	.args = "test NAME --kind K [--severity S] [--owner O] [--watch W] "
	    "[--issuer I]",
	.brief = "where a finding would go",
	.help = "  certvigil route test pay.example.com --kind "
	    "certificate.unexpected\n\n"
	    "Prints the route that takes such a finding, its channels and "
	    "group, and the\nsilence that would mute it.  Without --severity: "
	    "critical.\n",
	.run = run,
};
