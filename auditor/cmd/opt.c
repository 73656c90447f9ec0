#include "auditor/cmd/opt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"

static void
list_add(struct opt_list *l, const char *word)
{
	l->v = mem_grow(l->v, &l->cap, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = word;
}

static const struct opt *
find(const struct opt *opts, size_t n, const char *arg)
{
	size_t	i, k;

	for (i = 0; i < n; i++) {
		k = strlen(opts[i].name);
		if (strncmp(opts[i].name, arg, k) == 0 &&
		    (arg[k] == '\0' || arg[k] == '='))
			return &opts[i];
	}
	return NULL;
}

int
opt_parse(const struct cmd *c, const struct opt *opts, size_t n, int argc,
    char **argv, struct opt_list *rest)
{
	const struct opt	*o;
	const char		*value;
	int			 i, ended = 0;

	for (i = 1; i < argc; i++) {
		if (ended || argv[i][0] != '-' || argv[i][1] == '\0') {
			list_add(rest, argv[i]);
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			ended = 1;
			continue;
		}
		if ((o = find(opts, n, argv[i])) == NULL)
			return cmd_usage(c, "there is no option %s", argv[i]);
		value = strchr(argv[i], '=');
		if (o->flag != NULL) {
			if (value != NULL)
				return cmd_usage(c, "%s takes no value",
				    o->name);
			*o->flag = 1;
			continue;
		}
		if (value != NULL)
			value++;
		else if (++i < argc)
			value = argv[i];
		else
			return cmd_usage(c, "%s needs a value", o->name);
		if (o->value != NULL)
			*o->value = value;
		else
			list_add(o->list, value);
	}
	return 0;
}

void
opt_split(const char *text, struct opt_list *l, char **own)
{
	char	*p, *save = NULL;

	*own = mem_str(text);
	for (p = strtok_r(*own, ", ", &save); p != NULL;
	    p = strtok_r(NULL, ", ", &save))
		list_add(l, p);
}

int
opt_duration(const char *option, const char *text, int64_t *out,
    struct err *e)
{
	static const struct {
		char	unit;
		int64_t	seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char		*end;
	long long	 v;
	size_t		 i;

	errno = 0;
	v = strtoll(text, &end, 10);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (end != text && end[0] == units[i].unit &&
		    end[1] == '\0' && errno == 0 && v > 0 &&
		    v <= INT64_C(1000) * 366 * 86400 / units[i].seconds) {
			*out = v * units[i].seconds;
			return 0;
		}
	return err_set(e, ERR_USAGE, "%s: `%.40s` is no duration: write "
	    "90s, 30m, 6h or 2d", option, text);
}

int
opt_moment(const char *option, const char *text, int last, int64_t *out,
    struct err *e)
{
	if (clk_parse(text, out) == -1)
		return err_set(e, ERR_USAGE, "%s: `%.40s` is no date: write "
		    "2027-06-01 or 2027-06-01T12:00:00Z", option, text);
	if (last && strlen(text) == 10)
		*out += 86400 * CLK_SEC - 1;
	return 0;
}

void
opt_row(const char *const *cols, const int *width, size_t n)
{
	size_t	 i;
	char	*s;

	for (i = 0; i < n; i++) {
		s = cmd_clean(cols[i]);
		if (i + 1 == n)
			printf("%s\n", s);
		else
			printf("%-*s  ", width[i], s);
		free(s);
	}
}

void
opt_join(const struct db_res *r, size_t row, size_t col, size_t max,
    struct buf *out)
{
	size_t	  i, n = 0;
	char	**v = db_strv(r, row, col, &n);

	for (i = 0; i < n && i < max; i++)
		buf_fmt(out, "%s%s", i > 0 ? ", " : "", v[i]);
	if (n > max)
		buf_fmt(out, " and %zu more", n - max);
	free(v);
}

static int
failed(const char *path, struct err *e)
{
	if (errno == ENOENT)
		return err_set(e, ERR_NOENT, "%s: there is no such file",
		    path);
	if (errno == EACCES)
		return err_set(e, ERR_PERM, "%s: may not be read", path);
	return err_set(e, ERR_SYS, "%s", path);
}

int
opt_file(const char *path, size_t cap, struct buf *out, struct err *e)
{
	int	 fd = STDIN_FILENO, rc = -1;
	ssize_t	 k;
	uint8_t	*p;

	if (strcmp(path, "-") == 0)
		path = "standard input";
	else if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return failed(path, e);
	for (;;) {
		p = buf_room(out, 1 << 16);
		k = read(fd, p, 1 << 16);
		if (k == -1 && errno == EINTR)
			continue;
		if (k == -1) {
			failed(path, e);
			break;
		}
		if (k == 0) {
			rc = 0;
			break;
		}
		out->n += (size_t)k;
		if (out->n > cap) {
			err_set(e, ERR_LIMIT, "%s: larger than %zu KB", path,
			    cap >> 10);
			break;
		}
	}
	if (out->p != NULL)
		out->p[out->n] = '\0';
	if (fd != STDIN_FILENO)
		close(fd);
	return rc;
}
