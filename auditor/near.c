#include "auditor/near.h"

#include <string.h>

#define NEAR_MAX 63	/* longer words are not compared */

static size_t
min3(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Edits between two words: insert, delete, change, swap neighbours. */
static size_t
distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t	row[3][NEAR_MAX + 1];
	size_t	i, j, cost, *r0, *r1, *r2;

	for (j = 0; j <= nb; j++)
		row[0][j] = j;
	for (i = 1; i <= na; i++) {
		r2 = row[(i + 1) % 3];		/* i - 2 */
		r1 = row[(i - 1) % 3];
		r0 = row[i % 3];
		r0[0] = i;
		for (j = 1; j <= nb; j++) {
			cost = a[i - 1] == b[j - 1] ? 0 : 1;
			r0[j] = min3(r1[j] + 1, r0[j - 1] + 1,
			    r1[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && r2[j - 2] + 1 < r0[j])
				r0[j] = r2[j - 2] + 1;
		}
	}
	return row[na % 3][nb];
}

const char *
near_word(const char *typed, const char *const *words, size_t n)
{
	const char	*best = NULL;
	size_t		 nt = strlen(typed), nw, i, d, least = 0;

	if (nt > NEAR_MAX)
		return NULL;
	for (i = 0; i < n; i++) {
		nw = strlen(words[i]);
		if (nw > NEAR_MAX)
			continue;
		d = distance(typed, nt, words[i], nw);
		if (d > (nt > nw ? nt : nw) / 3 && d > 1)
			continue;
		if (d >= nw)
			continue;
		if (best == NULL || d < least) {
			best = words[i];
			least = d;
		}
	}
	return best;
}
