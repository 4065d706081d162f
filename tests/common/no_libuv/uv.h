#error "json and core know no event loop"
