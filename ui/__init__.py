"""The Streamlit console: reads stores and calls the core, decides nothing, writes only through the desk."""
