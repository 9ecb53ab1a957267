"""The Streamlit console: reads the stores and calls the core, decides nothing, writes only through the desk."""
