#include "width.h"

#include <string.h>
#include <wchar.h>

size_t width_of_character(const char *text, size_t *columns) {
    wchar_t character;
    mbstate_t state = {0};
    size_t bytes = mbrtowc(&character, text, strlen(text), &state);
    *columns = 1;
    if (bytes == 0 || bytes > strlen(text)) {
        return 1; /* not of this locale: some one byte */
    }
    int width = wcwidth(character);
    if (width >= 0) {
        *columns = (size_t)width;
    }
    return bytes;
}

size_t width_of(const char *text) {
    size_t width = 0;
    while (*text != '\0') {
        size_t columns;
        text += width_of_character(text, &columns);
        width += columns;
    }
    return width;
}
