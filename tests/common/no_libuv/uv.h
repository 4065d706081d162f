/* SPDX-License-Identifier: MIT */
#error "json and core know no event loop"
