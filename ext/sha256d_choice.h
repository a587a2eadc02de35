/* The choice among the implementations of one kind, by their names. A template: whoever includes it defines
 *
 *   CHOICE          the type of an implementation, a struct with its `name`
 *   CHOICE_PROBES   functions that return one, or NULL where the CPU cannot run it; slowest first, and the first
 *                   of them is never NULL
 *
 * and makes of its static functions what sha256d.h promises.
 */
#include <stddef.h>
#include <string.h>

typedef const CHOICE *(*probe)(void);

static const probe PROBES[] = {CHOICE_PROBES};

static const CHOICE *selected = NULL;

/* The one in use; the first, until one is selected. */
static const CHOICE *chosen(void)
{
    if (selected == NULL)
        selected = PROBES[0]();
    return selected;
}

/* The i-th that this CPU can run; NULL past the last. */
static const CHOICE *available(size_t i)
{
    for (size_t at = 0; at < sizeof PROBES / sizeof PROBES[0]; at++) {
        const CHOICE *found = PROBES[at]();
        if (found != NULL && i-- == 0)
            return found;
    }
    return NULL;
}

static const char *name_of_available(size_t i)
{
    const CHOICE *found = available(i);
    return found == NULL ? NULL : found->name;
}

/* Selects the one of that name, or the last for NULL. Returns 0, or -1 where there is none. */
static int choose(const char *name)
{
    const CHOICE *found, *choice = NULL;
    for (size_t i = 0; (found = available(i)) != NULL; i++)
        if (name == NULL || strcmp(name, found->name) == 0)
            choice = found;
    if (choice == NULL)
        return -1;
    selected = choice;
    return 0;
}
