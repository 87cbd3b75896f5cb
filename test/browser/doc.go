// Package browser looks at the live page in a real Chromium, as people do: it starts electnode's commands as
// processes and a browser of its own, clicks and presses keys, and compares what the page shows with what the
// servers have recorded. It fails on any error in the browser's console and on any request to another origin.
//
// It must not know how the page is made, but for its elements and the model that it shows as window.electnode.
package browser
