// Renders the document. A script of its own, so that the page needs no inline scripts.
if (window.SwaggerUIBundle) {
  window.SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#api",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    persistAuthorization: true,
    // The default asks a server of the renderer's makers whether the document is valid.
    validatorUrl: null,
  });
}
