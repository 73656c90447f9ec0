#include "tests/bench/made_page.h"

#include "ctlog/page.h"

/*
 * Whole pages, as a judge has them: read, hashed to a range, matched against
 * 50 watches; get-entries JSON and gzip'd data tiles of precertificates.
 */
#define PAGES	MADE_PAGES
#define WIDTH	MADE_WIDTH
#define ALL	((size_t)PAGES * WIDTH)

static struct watch_set	few;
static struct page	*page;
static volatile size_t	sink;

static void
read_json(size_t i)
{
	if (page_entries(page, buf_bytes(&made_json[i]), WIDTH, NULL) == -1 ||
	    page_count(page) != WIDTH)
		abort();
}

static void
read_tile(size_t i)
{
	if (page_tile(page, buf_bytes(&made_tile[i]), 1, WIDTH, NULL) == -1)
		abort();
}

static void
hash_page(size_t i)
{
	struct merkle_range	r;

	page_hash(page, i * WIDTH, &r, NULL, 0);
	sink += r.hash[0][0];
}

static void
match_page(void)
{
	struct entry	e;
	struct der_tbs	t;
	size_t		k;

	for (k = 0; k < WIDTH; k++) {
		if (page_at(page, k, &e, NULL) == -1 ||
		    der_tbs(e.cert, &t, NULL) == -1)
			abort();
		sink += (size_t)watch_tbs(&few, &t, NULL, 0);
	}
}

static void
step_json_read(void)
{
	size_t	i;

	for (i = 0; i < PAGES; i++)
		read_json(i);
}

static void
step_json(void)
{
	size_t	i;

	for (i = 0; i < PAGES; i++) {
		read_json(i);
		hash_page(i);
		match_page();
	}
}

static void
step_tile_read(void)
{
	size_t	i;

	for (i = 0; i < PAGES; i++)
		read_tile(i);
}

static void
step_tile(void)
{
	size_t	i;

	for (i = 0; i < PAGES; i++) {
		read_tile(i);
		hash_page(i);
		match_page();
	}
}

static const struct made_step steps[] = {
	{ "page_json_read", step_json_read, ALL },
	{ "page_json_all", step_json, ALL },
	{ "page_tile_read", step_tile_read, ALL },
	{ "page_tile_all", step_tile, ALL }
};

int
main(void)
{
	page = page_new();
	made_pages();
	made_set(&few, 50);
	printf("# a page of %d entries: %zu bytes of JSON, a tile of %zu "
	    "bytes\n", WIDTH, made_json[0].n, made_tile[0].n);
	made_run(steps, sizeof(steps) / sizeof(steps[0]));
	page_free(page);
	return 0;
}
