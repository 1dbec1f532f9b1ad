package simulator

import (
	"embed"
	"io/fs"
	"net/http"
)

// pageFiles is the phone: plain files, no build step.
//
//go:embed page
var pageFiles embed.FS

// pageRoutes serve the page. Its policy allows nothing from elsewhere.
func (s *Simulator) pageRoutes(mux *http.ServeMux) {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic("simulator: " + err.Error()) // the folder is part of the binary
	}
	serve := http.FileServerFS(files)
	page := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		serve.ServeHTTP(w, r)
	}
	for _, path := range []string{"GET /{$}", "GET /app.js", "GET /panel.js", "GET /style.css"} {
		mux.HandleFunc(path, page)
	}
}
